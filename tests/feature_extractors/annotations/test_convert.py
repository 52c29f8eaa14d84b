"""Labels that people made in other programs become rows that networks train on."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_extractors.annotations.convert import convert
from tests.feature_extractors.annotations.labelled_files import (
    EXPECTED,
    labels_of,
    rows_of,
    write_elan,
    write_label_studio,
    write_table,
    write_via,
)


@pytest.mark.parametrize("source", ["csv", "via", "label-studio", "elan"])
def test_each_program_gives_the_same_rows(source: str, labelled_videos: Path, tmp_path: Path) -> None:
    if source == "elan":
        files = write_elan(tmp_path)
    else:
        write = {"csv": write_table, "via": write_via, "label-studio": write_label_studio}[source]
        files = [write(tmp_path / "labels")]
    convert(source, files, labelled_videos, tmp_path / "out", published=False)
    assert labels_of(tmp_path / "out") == EXPECTED
    rows = rows_of(tmp_path / "out")
    assert {(row["duration"], row["duration_s"]) for row in rows} == {(10, 10.0)}
    assert len({row["qid"] for row in rows}) == 3
    convert(source, files, labelled_videos, tmp_path / "again", published=False)
    assert (tmp_path / "again/moments.jsonl").read_bytes() == (tmp_path / "out/moments.jsonl").read_bytes()
