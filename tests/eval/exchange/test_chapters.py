"""Chapters, read by FFmpeg's library and its program ffprobe, and by the rules that YouTube states."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from cli import UserError
from eval.exchange.chapters import FEWEST, SHORTEST, write_ffmetadata, write_youtube
from eval.exchange.cuts import Cut, Timeline
from tests.eval.exchange.timelines import (
    EDGES,
    RATES,
    SPANS,
    make_footage,
    make_frame_timeline,
    make_timeline,
    nearest_frames,
)

FFPROBE = shutil.which("ffprobe")
Chapters = list[tuple[float, float, str]]


def timeline_of(*spans: tuple[float, float, str], seconds: float = 120.0) -> Timeline:
    footage = make_footage(seconds=seconds)
    return Timeline("v", tuple(Cut(footage, start, end, label, 0.5) for start, end, label in spans))


def read_chapters(path: Path) -> Chapters:
    """By the library in PyAV."""
    with av.open(str(path), format="ffmetadata") as container:
        return [
            (
                float(chapter["start"] * chapter["time_base"]),
                float(chapter["end"] * chapter["time_base"]),
                chapter["metadata"]["title"],
            )
            for chapter in container.chapters()
        ]


def probe_chapters(path: Path) -> Chapters:
    """By ffprobe, which rounds to microseconds."""
    command = [str(FFPROBE), "-v", "error", "-f", "ffmetadata", "-show_chapters", "-of", "json", f"file:{path}"]
    text = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    return [
        (float(one["start_time"]), float(one["end_time"]), one["tags"]["title"]) for one in json.loads(text)["chapters"]
    ]


READERS = [
    read_chapters,
    pytest.param(probe_chapters, marks=pytest.mark.skipif(FFPROBE is None, reason="needs the program ffprobe")),
]


@pytest.mark.parametrize("read", READERS)
def test_ffmpeg_reads_times_and_titles(read: Callable[[Path], Chapters], tmp_path: Path) -> None:
    path = tmp_path / "chapters.ffmetadata"
    path.write_text(write_ffmetadata(make_timeline()), encoding="utf-8")
    titles = ['a <b> & "c" --> |x| ; = # \\ é', "x", "y"]
    assert read(path) == [(*span, title) for span, title in zip(SPANS, titles, strict=True)]


@pytest.mark.parametrize(("rate", "drop"), RATES)
@pytest.mark.parametrize("read", READERS)
def test_times_lead_to_the_frames_that_they_are_of(
    read: Callable[[Path], Chapters], rate: str, drop: bool | None, tmp_path: Path
) -> None:
    path = tmp_path / "chapters.ffmetadata"
    path.write_text(write_ffmetadata(make_frame_timeline(rate, drop)), encoding="utf-8")
    assert nearest_frames([(start, end) for start, end, _ in read(path)], rate) == EDGES


def test_chapters_do_not_overlap_and_name_all_that_begins_with_them(tmp_path: Path) -> None:
    path = tmp_path / "chapters.ffmetadata"
    path.write_text(write_ffmetadata(timeline_of((2, 30, "a"), (10, 12, "b"), (10, 20, "c"), (40, 41.5, "d"))))
    assert read_chapters(path) == [(2, 10, "a"), (10, 20, "b / c"), (40, 41.5, "d")]


def rules(text: str, seconds: float) -> list[str]:
    """Titles, after checking what YouTube's help page "Video chapters" asks for."""
    found = [re.fullmatch(r"(?:(\d+):)?(\d+):(\d\d) (.+)", line) for line in text.splitlines()]
    starts = [int(one[1] or 0) * 3600 + int(one[2]) * 60 + int(one[3]) for one in found if one]
    assert len(starts) == len(found) >= FEWEST and starts[0] == 0
    assert all(end - start >= SHORTEST for start, end in zip(starts, [*starts[1:], seconds], strict=True))
    return [one[4] for one in found if one]


def test_chapters_of_youtube_follow_its_rules() -> None:
    timeline = timeline_of((0, 10, "a"), (12, 14, "b"), (30, 50, "c"), (115, 118, "d"))
    text = write_youtube(timeline)
    assert rules(text, 120.0) == ["a", "b", "c", "… / d"]  # d begins 5 s before the end
    assert text == "0:00 a\n0:12 b\n0:30 c\n0:50 … / d\n"


def test_moments_that_are_too_near_share_a_chapter() -> None:
    text = write_youtube(timeline_of((5, 8, "a"), (14, 16, "b"), (30, 45, "c"), (60, 75, "a"), (80, 82, "a")))
    assert rules(text, 120.0) == ["a", "b", "c", "…", "a", "…"]
    assert rules(write_youtube(timeline_of((2, 4, "a"), (6, 8, "b"), (30, 31, "c"))), 120.0) == ["a / b", "…", "c", "…"]


def test_a_long_video_shows_hours() -> None:
    lines = write_youtube(make_timeline(labels=("a", "b", "c"))).splitlines()
    assert lines == ["0:00:00 a", "0:00:10 …", "0:01:01 b", "0:01:11 …", "1:00:00 c", "1:00:50 …"]


def test_too_few_chapters_are_refused_with_a_hint() -> None:
    with pytest.raises(UserError, match=r"makes 2 chapters, but YouTube shows none .* select more moments"):
        write_youtube(timeline_of((2, 4, "a"), (5, 6, "b")))


def test_a_description_has_no_angle_brackets() -> None:
    text = write_youtube(timeline_of((0, 10, "<b>"), (12, 14, "b -> c"), (30, 50, "c")))
    assert rules(text, 120.0)[:2] == ["‹b›", "b -› c"] and not set("<>") & set(text)
