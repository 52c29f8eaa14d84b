"""OpenTimelineIO's JSON, read by OpenTimelineIO."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.otio_json import write_otio
from tests.eval.exchange.timelines import RATES, expected_frames, make_footage, make_timeline


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_the_library_reads_the_frames_of_every_cut(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop, timecode="")
    found = otio.adapters.read_from_string(write_otio(timeline), "otio_json")
    assert [track.kind for track in found.tracks] == ["Video", "Audio"]
    for track in found.tracks:
        ranges = [clip.source_range for clip in track.find_clips()]
        assert [(one.start_time.value, one.duration.value) for one in ranges] == expected_frames(timeline)
        assert {one.start_time.rate for one in ranges} == {float(Fraction(rate))}
    begin = otio.opentime.from_timecode("01:00:00;00" if drop else "01:00:00:00", float(Fraction(rate)))
    assert found.global_start_time.value == begin.value


def test_queries_scores_and_media_are_kept() -> None:
    found = otio.adapters.read_from_string(write_otio(make_timeline(timecode="10:00:00:00")), "otio_json")
    clip = found.tracks[0][0]
    assert clip.metadata["av_highlights"] == {
        "query": 'a <b> & "c" --> |x| ; = # \\ é',
        "vid": "demo_053",
        "score": 0.5,
    }
    assert clip.media_reference.target_url == "file:///media/videos/sub/demo%20053%20%3C%26%3E.mp4"
    assert clip.media_reference.available_range.start_time.value == 900_000
    assert clip.source_range.start_time.value == 900_050
    assert clip.trimmed_range_in_parent().start_time.value == 0


def test_files_of_several_rates_and_of_rates_without_time_code_fit() -> None:
    one, other = make_footage("25/2"), make_footage("30000/1001", vid="b", file="b.mp4", channels=0)
    cuts = (Cut(one, 0.0, 2.0, "x", None), Cut(other, 0.0, 2.0, "y", None))
    found = otio.adapters.read_from_string(write_otio(Timeline("t", cuts)), "otio_json")
    assert [track.kind for track in found.tracks] == ["Video"]
    assert [clip.source_range.duration.value for clip in found.tracks[0]] == [25, 60]
    assert found.global_start_time.value == 0
