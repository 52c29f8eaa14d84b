"""Edit decision lists, read by OpenTimelineIO's adapter for CMX 3600."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import opentimelineio as otio
import pytest

from cli import UserError
from eval.exchange.edl import write_edl, write_markers
from tests.eval.exchange.timelines import RATES, SPANS, expected_frames, make_timeline


def read(text: str, rate: str) -> Any:
    return otio.adapters.read_from_string(text, "cmx_3600", rate=float(Fraction(rate)))


def ranges(track: Any) -> list[tuple[float, float]]:
    return [(clip.source_range.start_time.value, clip.source_range.duration.value) for clip in track.find_clips()]


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_another_program_reads_the_frames_of_every_cut(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop)
    text = write_edl(timeline)
    found = read(text, rate)
    assert [track.kind for track in found.tracks] == ["Video", "Audio", "Audio"]
    for track in found.tracks:
        assert ranges(track) == expected_frames(timeline)
    assert text.splitlines()[1] == f"FCM: {'DROP' if drop else 'NON-DROP'} FRAME"
    assert {clip.name for clip in found.find_clips()} == {"demo 053 <&>.mp4"}


def test_the_frames_of_29_97_are_those_computed_by_hand() -> None:
    # 2 s x 30000/1001 = 59.94, 10 s 299.70, 61.5 s 1843.16, 64.25 s 1925.57, 3600 s 107892.11, 3650.5 s 109405.59.
    # Frame 1843 is behind the first minute, so two numbers are left out before it: 00:01:01;15 is number 1845.
    lines = write_edl(make_timeline("30000/1001", True)).splitlines()
    events = [line.split()[4:] for line in lines if line[:3].isdecimal()]
    assert events == [
        ["00:00:02;00", "00:00:10;00", "01:00:00;00", "01:00:08;00"],
        ["00:01:01;15", "00:01:04;08", "01:00:08;00", "01:00:10;23"],
        ["01:00:00;00", "01:00:50;14", "01:00:10;23", "01:01:01;09"],
    ]


@pytest.mark.parametrize(("rate", "timecode"), [("25/1", "10:00:00:00"), ("30000/1001", "10:00:00;00")])
def test_source_times_count_from_the_time_code_of_the_file(rate: str, timecode: str) -> None:
    timeline = make_timeline(rate, timecode=timecode)
    begin = otio.opentime.from_timecode(timecode, float(Fraction(rate))).value
    (track, *_) = read(write_edl(timeline), rate).tracks
    assert ranges(track) == [(begin + first, length) for first, length in expected_frames(timeline)]


@pytest.mark.parametrize(("channels", "kind"), [(0, "V"), (1, "B"), (2, "AA/V"), (6, "AA/V")])
def test_sound_is_edited_along_with_the_picture(channels: int, kind: str) -> None:
    lines = write_edl(make_timeline(channels=channels)).splitlines()
    assert [line.split()[2] for line in lines if line.startswith("00")] == [kind] * 3


def test_a_line_holds_no_more_than_the_format_allows() -> None:
    text = write_edl(replace(make_timeline(), title="t\n001  BAD V C " * 20))
    assert [line[:3] for line in text.splitlines() if line[:3].isdecimal()] == ["001", "002", "003"]
    assert len(text.splitlines()[0]) <= len("TITLE: ") + 70


def test_more_cuts_than_the_format_can_number_are_refused() -> None:
    timeline = make_timeline()
    with pytest.raises(UserError, match="1000 cuts, but a CMX 3600 list holds 999: select fewer"):
        write_edl(replace(timeline, cuts=timeline.cuts[:1] * 1000))
    assert len(read(write_edl(replace(timeline, cuts=timeline.cuts[:1] * 999)), "25/1").tracks[0]) == 999


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_markers_lie_on_a_timeline_of_the_whole_video(rate: str, drop: bool | None) -> None:
    timeline = make_timeline(rate, drop)
    text = write_markers(timeline)
    (track,) = read(text, rate).tracks
    hour = otio.opentime.from_timecode("01:00:00;00" if drop else "01:00:00:00", float(Fraction(rate))).value
    assert ranges(track) == [(hour + first, 1) for first, _ in expected_frames(timeline)]
    lengths = [int(line.rpartition("|D:")[2]) for line in text.splitlines() if "|D:" in line]
    assert lengths == [length for _, length in expected_frames(timeline)]


def test_a_marker_is_named_by_the_query_without_bars() -> None:
    lines = [line for line in write_markers(make_timeline()).splitlines() if "|M:" in line]
    assert len(lines) == len(SPANS)
    assert lines[0] == ' score 0.500 |C:ResolveColorBlue |M:a <b> & "c" --> /x/ ; = # \\ é |D:200'
