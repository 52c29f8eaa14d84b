"""Faults of VIA's projects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.annotations import via
from tests.feature_extractors.annotations.labelled_files import write_via


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("metadata",), None, "not a project of VIA 3: needs attribute, file, view and metadata"),
        (("metadata", "1_a"), [], r"metadata '1_a': needs z"),
        (("metadata", "1_a", "z"), ["1", 3], r"metadata '1_a': a time must be 0 to 86400 seconds, got '1'"),
        (("metadata", "1_a", "z"), [float("nan"), 3], r"metadata '1_a': a time must be"),
        (("metadata", "1_a", "z"), [True, 3], r"metadata '1_a': a time must be"),
        (("metadata", "1_a", "av"), {}, r"metadata '1_a': the segment from 1 s has no label"),
        (("metadata", "1_a", "av"), {"1": "9"}, r"metadata '1_a': the attribute has no option '9'"),
        (("metadata", "1_a", "av"), {"1": 7}, r"metadata '1_a': a value must be text, got 7"),
        (("metadata", "1_a", "vid"), "3", r"metadata '1_a': its view '3' has no file"),
        (("view", "1", "fid_list"), [], r"metadata '1_a': its view '1' has no file"),
        (("file", "1"), {}, r"metadata '1_a': its view '1' has no file"),
    ],
)
def test_faults_of_via_name_the_entry(place: tuple[str, ...], value: object, message: str, tmp_path: Path) -> None:
    path = write_via(tmp_path / "p.json")
    project = json.loads(path.read_text())
    inner = project
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(project))
    with pytest.raises(UserError, match=rf"p\.json: {message}"):
        list(via.read_spans(path))
