"""Faults of Label Studio's exports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from feature_extractors.annotations import label_studio
from tests.feature_extractors.annotations.labelled_files import timeline


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (3, "not a list of tasks: export from Label Studio as JSON"),
        ({"video": "a.mp4", "moments": []}, "task 1: needs data and annotations: .* not JSON-MIN"),
        ({"data": {"video": "a.mp4"}, "annotations": [3]}, "task 1: an annotation without a list of results"),
        ({"data": {"id": 3}, "annotations": [{"result": [timeline(1, 2, "x")]}]}, "task 1: its data name no video"),
        (
            {"data": {"video": "a.mp4", "fps": 0}, "annotations": [{"result": [timeline(1, 2, "x")]}]},
            "task 1: fps must be a number above 0, at most 1000, got 0",
        ),
        (
            {"data": {"video": "gone.mp4"}, "annotations": [{"result": [timeline(1, 2, "x")]}]},
            r"task 1: 'gone\.mp4' has no constant frame rate, so put fps into the task's data",
        ),
        (
            {"data": {"video": "a.mp4", "fps": 5}, "annotations": [{"result": [timeline(0, 2, "x")]}]},
            "task 1: start of a range must be a frame from 1, got 0",
        ),
        (
            {"data": {"video": "a.mp4"}, "annotations": [{"result": [{"type": "labels", "value": {"labels": "x"}}]}]},
            "task 1: labels must be a list of labels",
        ),
    ],
)
def test_faults_of_label_studio_name_the_task(task: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps([task]))
    with pytest.raises(UserError, match=rf"t\.json: {message}"):
        list(label_studio.read_spans(path, lambda name: None))
