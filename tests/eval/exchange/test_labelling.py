"""Projects of labelling programs, by what their sources accept."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.request import url2pathname
from xml.etree import ElementTree

import jsonschema
import pytest

from cli import UserError
from eval.exchange.cuts import Cut, Timeline
from eval.exchange.labelling import write_label_studio, write_via
from tests.eval.exchange.timelines import (
    EDGES,
    RATES,
    SPANS,
    expected_frames,
    make_footage,
    make_frame_timeline,
    make_timeline,
    nearest_frames,
)

PAGE = Path(__file__).parents[3] / "docs/guide/exchange.md"


def timeline_schema(labels: list[str]) -> dict[str, Any]:
    """What `LabelInterface.to_json_schema` of label-studio-sdk 2.1.2 gives for a timeline with these labels."""
    moment = {
        "type": "object",
        "properties": {"start": {"type": "number"}, "end": {"type": "number"}, "enabled": {"type": "boolean"}},
        "required": ["start", "end"],
    }
    chosen = {"type": "array", "items": {"type": "string", "enum": labels}, "minItems": 1, "maxItems": 1}
    return {
        "type": "object",
        "properties": {"ranges": {"type": "array", "items": moment, "minItems": 1}, "timelinelabels": chosen},
        "required": ["ranges", "timelinelabels"],
    }


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
def test_times_of_via_lead_to_the_frames_that_they_are_of(rate: str, drop: bool | None) -> None:
    entries = json.loads(write_via(make_frame_timeline(rate, drop)))["metadata"].values()
    assert nearest_frames([entry["z"] for entry in entries], rate) == EDGES


@pytest.mark.parametrize("name", ["sub/demo 053 <&>.mp4", "ä b#1 100%25?.mp4", "a:b.mp4", "-it's.mp4"])
def test_via_is_given_the_address_of_a_video(name: str) -> None:
    project = json.loads(write_via(make_timeline(file=name)))
    file = project["file"]["1"]
    # VIA's file_get_src joins the two, and a browser takes them as a URL.
    address = project["config"]["file"]["loc_prefix"][str(file["loc"])] + file["src"]
    assert address.startswith("file:///media/videos/") and not set("#?") & set(address)
    assert url2pathname(address.removeprefix("file://")) == f"/media/videos/{name}"
    assert file["fname"] == name


def test_tasks_of_label_studio_fit_the_labelling_interface_of_the_page() -> None:
    (text,) = re.findall(r"```xml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    interface = ElementTree.fromstring(text)
    control, video = interface.find("TimelineLabels"), interface.find("Video")
    assert control is not None and video is not None and control.get("toName") == video.get("name")
    (task,) = json.loads(write_label_studio(make_timeline()))
    for key in ("value", "frameRate"):
        assert (video.get(key) or "").removeprefix("$") in task["data"]
    results = task["predictions"][0]["result"]
    assert len(results) == len(SPANS)
    for result in results:
        assert (result["from_name"], result["to_name"]) == (control.get("name"), video.get("name"))
        assert result["type"] == control.tag.lower()
        jsonschema.validate(result["value"], timeline_schema(['a <b> & "c" --> |x| ; = # \\ é', "x", "y"]))


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
