"""Final Cut Pro 7's XML, read by OpenTimelineIO's adapter."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import opentimelineio as otio
import pytest

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.fcp7_xml import write_xml
from tests.eval.exchange.timelines import RATES, expected_frames, make_footage, make_timeline


def read(text: str) -> Any:
    return otio.adapters.read_from_string(text, "fcp_xml")


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_another_program_reads_the_frames_of_every_cut(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop)
    found = read(write_xml(timeline))
    assert [track.kind for track in found.tracks] == ["Video", "Audio", "Audio"]
    for track in found.tracks:
        ranges = [clip.source_range for clip in track.find_clips()]
        assert [(one.start_time.value, one.duration.value) for one in ranges] == expected_frames(timeline)
        assert {one.start_time.rate for one in ranges} == {float(Fraction(rate))}
    begin = otio.opentime.from_timecode("01:00:00;00" if drop else "01:00:00:00", float(Fraction(rate)))
    assert found.global_start_time.value == begin.value


def test_media_and_names_arrive_as_they_are() -> None:
    found = read(write_xml(make_timeline()))
    clip = found.tracks[0][0]
    assert clip.name == 'a <b> & "c" --> |x| ; = # \\ é'
    assert clip.media_reference.target_url == "file:///media/videos/sub/demo%20053%20%3C%26%3E.mp4"
    assert clip.media_reference.available_range.duration.value == 92500
    # Later clips name the file of the first by its id.
    assert found.tracks[1][2].media_reference.target_url == clip.media_reference.target_url


def test_picture_and_sound_are_linked() -> None:
    root = ElementTree.fromstring(write_xml(make_timeline()))
    ids = {item.get("id") for item in root.iter("clipitem")}
    assert len(ids) == 9
    links = [[link.findtext("linkclipref") for link in item.findall("link")] for item in root.iter("clipitem")]
    assert all(len(of_item) == 3 and set(of_item) <= ids for of_item in links)
    silent = ElementTree.fromstring(write_xml(make_timeline(channels=0)))
    assert silent.find(".//audio") is None and silent.find(".//link") is None


def test_the_time_code_of_the_file_is_given() -> None:
    root = ElementTree.fromstring(write_xml(make_timeline("30000/1001", timecode="10:00:00;02")))
    timecode = root.find(".//clipitem/file/timecode")
    assert timecode is not None
    assert (timecode.findtext("string"), timecode.findtext("displayformat")) == ("10:00:00;02", "DF")
    assert int(timecode.findtext("frame") or "") == 1_078_922  # 10 h of 107,892 frames, and two


def test_several_videos_lie_on_one_timeline() -> None:
    one, other = make_footage(), make_footage(vid="b", file="b.mp4", channels=0)
    cuts = (Cut(one, 0.0, 2.0, "x", None), Cut(other, 4.0, 5.0, "y", None))
    found = read(write_xml(Timeline("both", cuts)))
    assert [clip.media_reference.target_url for clip in found.tracks[0]] == ["sub/demo%20053%20%3C%26%3E.mp4", "b.mp4"]
    assert [clip.range_in_parent().start_time.value for clip in found.tracks[0]] == [0, 50]
    assert len(list(found.tracks[1].find_clips())) == 1


def test_the_same_cuts_give_the_same_bytes() -> None:
    timeline = make_timeline()
    assert write_xml(timeline) == write_xml(replace(timeline))
