"""Projects of labelling programs, by what their sources accept."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from cli import UserError
from eval.exchange.cuts import Cut, Timeline
from eval.exchange.labelling import write_label_studio, write_via
from tests.eval.exchange.timelines import RATES, SPANS, expected_frames, make_footage, make_timeline


def two_videos() -> Timeline:
    one, other = make_footage(), make_footage("30000/1001", vid="b", file="b.mp4")
    cuts = [Cut(one, 0.0, 2.0, "x", 0.5), Cut(other, 4.0, 5.5, "y", 0.4), Cut(one, 6.0, 8.0, "y", 0.3)]
    return Timeline("moments", tuple(cuts))


def test_a_project_of_via_refers_to_what_it_has() -> None:
    project = json.loads(write_via(two_videos()))
    assert project["project"]["vid_list"] == list(project["view"]) == ["1", "2"]
    options = project["attribute"]["1"]["options"]
    found = []
    for key, entry in project["metadata"].items():
        assert key.startswith(f"{entry['vid']}_")  # VIA takes the view from the key
        (fid,) = project["view"][entry["vid"]]["fid_list"]
        found.append((project["file"][fid]["fname"], *entry["z"], options[entry["av"]["1"]]))
    assert found == [
        ("sub/demo 053 <&>.mp4", 0.0, 2.0, "x"),
        ("b.mp4", 4.0, 5.5, "y"),
        ("sub/demo 053 <&>.mp4", 6.0, 8.0, "y"),
    ]


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_label_studio_counts_frames_from_one_at_the_rate_that_it_is_told(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop)
    (task,) = json.loads(write_label_studio(timeline))
    assert task["data"]["fps"] == pytest.approx(float(Fraction(rate)), abs=5e-4)
    (prediction,) = task["predictions"]
    ranges = [one for result in prediction["result"] for one in result["value"]["ranges"]]
    assert [(one["start"] - 1, one["end"] - one["start"] + 1) for one in ranges] == expected_frames(timeline)


def test_predictions_are_suggestions_and_labels_are_annotations() -> None:
    timeline = make_timeline()
    labelled = replace(timeline, cuts=tuple(replace(cut, score=None) for cut in timeline.cuts))
    (task,) = json.loads(write_label_studio(labelled))
    assert "predictions" not in task and len(task["annotations"][0]["result"]) == len(SPANS)
    tasks = json.loads(write_label_studio(two_videos()))
    assert [task["data"]["video"] for task in tasks] == ["sub/demo 053 <&>.mp4", "b.mp4"]
    assert [len(task["predictions"][0]["result"]) for task in tasks] == [2, 1]


def test_label_studio_needs_a_constant_rate_and_via_does_not() -> None:
    timeline = make_timeline("", problem="variable frame rate")
    with pytest.raises(UserError, match="variable frame rate: re-encode"):
        write_label_studio(timeline)
    assert len(json.loads(write_via(timeline))["metadata"]) == len(SPANS)
