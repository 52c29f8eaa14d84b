"""Final Cut Pro's XML, read by OpenTimelineIO's adapter."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any
from xml.etree import ElementTree

import opentimelineio as otio
import pytest

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.fcpxml import write_fcpxml
from tests.eval.exchange.timelines import RATES, expected_frames, make_footage, make_timeline


def read(text: str) -> Any:
    """The timeline; the adapter gives a collection."""
    (timeline,) = otio.adapters.read_from_string(text, "fcpx_xml").find_children(
        descended_from_type=otio.schema.Timeline
    )
    return timeline


def seconds(text: str | None) -> Fraction:
    """An exact time: `250250/30000s`."""
    assert text is not None and text.endswith("s")
    return Fraction(text[:-1])


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_another_program_reads_every_cut(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop)
    clips = list(read(write_fcpxml(timeline)).tracks[0].find_clips())
    # The adapter takes 30000/1001 frames per second for 29 and rounds down (OpenTimelineIO's issue 903).
    known = floor(Fraction(rate))
    frames = [[floor(Fraction(edge * known) / Fraction(rate)) for edge in cut] for cut in expected_frames(timeline)]
    found = [[clip.source_range.start_time.value, clip.source_range.duration.value] for clip in clips]
    assert found == frames
    assert {clip.source_range.start_time.rate for clip in clips} == {known}


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_times_are_whole_frames(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop)
    root = ElementTree.fromstring(write_fcpxml(timeline))
    step = seconds(root.find("resources/format").get("frameDuration"))  # type: ignore[union-attr]
    assert step == 1 / Fraction(rate)
    clips = root.findall(".//spine/asset-clip")
    found = [(seconds(clip.get("start")) / step, seconds(clip.get("duration")) / step) for clip in clips]
    assert found == expected_frames(timeline)
    offsets = [seconds(clip.get("offset")) / step for clip in clips]
    assert offsets == [0, found[0][1], found[0][1] + found[1][1]]
    sequence = root.find(".//sequence")
    assert sequence is not None
    assert seconds(sequence.get("duration")) / step == sum(length for _, length in found)
    assert sequence.get("tcFormat") == ("DF" if drop else "NDF")
    for clip in clips:
        (marker,) = clip.findall("marker")
        assert (marker.get("start"), seconds(marker.get("duration"))) == (clip.get("start"), step)


def test_an_asset_begins_at_the_time_code_of_its_file() -> None:
    timeline = make_timeline("30000/1001", timecode="10:00:00;00")
    root = ElementTree.fromstring(write_fcpxml(timeline))
    asset = root.find("resources/asset")
    assert asset is not None
    begin = Fraction(10 * 107_892 * 1001, 30000)
    assert seconds(asset.get("start")) == begin
    first, _ = expected_frames(timeline)[0]
    clip = root.find(".//asset-clip")
    assert clip is not None and seconds(clip.get("start")) == begin + first * Fraction(1001, 30000)


def test_names_and_media_arrive_as_they_are() -> None:
    text = write_fcpxml(make_timeline())
    assert next(iter(read(text).find_clips())).name == 'a <b> & "c" --> |x| ; = # \\ é'
    media = ElementTree.fromstring(text).find("resources/asset/media-rep")
    assert media is not None and media.get("src") == "file:///media/videos/sub/demo%20053%20%3C%26%3E.mp4"


def test_each_video_is_an_asset_and_each_size_a_format() -> None:
    footage = [make_footage(vid=vid, file=vid, width=width) for vid, width in (("a", 640), ("b", 640), ("c", 320))]
    cuts = tuple(Cut(one, 0.0, 2.0, "", None) for one in [*footage, footage[0]])
    root = ElementTree.fromstring(write_fcpxml(Timeline("t", cuts)))
    ids = [element.get("id") for element in root.find("resources") or ()]
    assert len(ids) == len(set(ids)) == 5
    assert len({clip.get("ref") for clip in root.iter("asset-clip")}) == 3
    assert [clip.get("name") for clip in root.iter("asset-clip")] == ["a", "b", "c", "a"]


def test_a_video_without_sound_says_so() -> None:
    root = ElementTree.fromstring(write_fcpxml(make_timeline(channels=0, sound_rate=0)))
    asset, sequence = root.find("resources/asset"), root.find(".//sequence")
    assert asset is not None and asset.get("hasAudio") is None
    assert sequence is not None and sequence.get("audioRate") is None


def test_the_same_cuts_give_the_same_bytes() -> None:
    timeline = make_timeline()
    assert write_fcpxml(timeline) == write_fcpxml(replace(timeline))


def test_pixels_that_are_not_square_are_said() -> None:
    sources = make_footage(), make_footage(vid="wide", width=1440, height=1080, pixel_aspect="4/3")
    cuts = tuple(Cut(source, 0.0, 1.0, "x", None) for source in sources)
    square, wide = ElementTree.fromstring(write_fcpxml(Timeline("t", cuts))).findall("resources/format")
    assert (square.get("paspH"), square.get("paspV")) == (None, None)
    assert (wide.get("width"), wide.get("paspH"), wide.get("paspV")) == ("1440", "4", "3")
