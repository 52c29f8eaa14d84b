"""Clocks of transport streams: those that run full go on, those that start again are recorded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from feature_extractors.media import Problems, frames_of_clips, open_sound, probe
from feature_extractors.media.clock import PERIOD
from formats.grid import ClipGrid
from tests.feature_extractors.edited_media import noise
from tests.feature_extractors.made_media import CLOCK, Coding, read_number, steady, write_media

CLIPS = ClipGrid(seconds=2.0)
FULL_S = PERIOD / CLOCK
SLOW = Coding(rate=Fraction(1), options={"bf": "2", "g": "20"})


def joined(path: Path, *starts: float) -> Path:
    """Recordings of 6 s one after the other in one stream, each on a clock of its own."""
    parts = []
    for number, start in enumerate(starts):
        part = path.with_name(f"part{number}.ts")
        sound = noise(6.0)
        write_media(
            part, steady(6.0), start=start, first=100 * number, sound=sound, sound_start=start, sound_codec="mp2"
        )
        parts.append(part.read_bytes())
    path.write_bytes(b"".join(parts))
    return path


def heard(file: Path, start_s: float) -> tuple[list[tuple[float, float]], str]:
    problems = Problems()
    track = open_sound(file, 48_000, start_s, problems)
    assert track is not None
    for _ in track.chunks():
        pass
    return track.heard, str(problems)


@pytest.mark.parametrize(
    "starts", [(100.0, 0.0), (3700.0, 0.0), (40_000.0, 5.0), (3.0, 0.0), (50.0, 50.0), (100.0, 3.0, 100.0)]
)
def test_of_recordings_joined_the_first_counts(tmp_path: Path, starts: tuple[float, ...]) -> None:
    """FFmpeg takes a clock that starts again more than 60 s lower for one that ran full: 26.5 hours in between."""
    file = joined(tmp_path / "v.ts", *starts)
    video = probe(tmp_path, file, CLIPS)
    assert (video.n_clips, video.duration_s) == (3, pytest.approx(6.0, abs=0.05))  # the last frame: a guess
    assert video.problem == f"timestamps go back: {6.0 * (len(starts) - 1):.1f} s of video left out"
    pictures = dict(frames_of_clips(file, video.n_clips, 2.0))
    assert {clip: read_number(picture) for clip, picture in pictures.items()} == {0: 25, 1: 75, 2: 125}
    sound, problem = heard(file, video.start_s)
    np.testing.assert_allclose(sound, [(0.0, 6.0)], atol=0.05)
    assert problem == "sound goes back in time: what was heard before is kept"


@pytest.mark.parametrize("before", [100.0, 3.0, 0.02])
def test_a_clock_that_runs_full_goes_on(tmp_path: Path, before: float) -> None:
    """Some seconds before, and in the middle of a recording: FFmpeg treats a wrap within the first minute otherwise."""
    length, start = 121.0, FULL_S - before
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 120 * 8_000))
    options = {"sound": sound, "sound_start": start, "sound_codec": "mp2", "rate": 16_000}
    file = write_media(tmp_path / "v.ts", np.arange(length), start=start, coding=SLOW, **options)  # type: ignore[arg-type]
    video = probe(tmp_path, file, CLIPS)
    assert (video.n_clips, video.problem) == (60, "")
    pictures = dict(frames_of_clips(file, video.n_clips, 2.0))
    assert {clip: read_number(picture) for clip, picture in pictures.items()} == {
        clip: 2 * clip + 1 for clip in range(60)
    }
    spans, problem = heard(file, video.start_s)
    np.testing.assert_allclose(spans, [(0.0, 60.0)], atol=0.05)
    assert problem == ""


def test_streams_that_begin_on_either_side_of_a_full_clock(tmp_path: Path) -> None:
    for name, picture, sound in (("a.ts", 0.2, -0.7), ("b.ts", -0.8, 0.2)):
        start, sound_start = FULL_S + picture, FULL_S + sound
        options = {"sound": noise(6.0), "sound_start": sound_start, "sound_codec": "mp2"}
        file = write_media(tmp_path / name, steady(6.0), start=start, **options)  # type: ignore[arg-type]
        video = probe(tmp_path, file, CLIPS)
        assert (video.n_clips, video.problem) == (3, "")
        (span,), _ = heard(file, video.start_s)
        assert span == pytest.approx((max(0.0, sound - picture), 6.0 + sound - picture), abs=0.05)
