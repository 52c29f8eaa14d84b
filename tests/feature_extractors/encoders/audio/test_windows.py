"""Windows of sound around clips: centred, zero beyond both ends, none where there is hardly any sound."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from feature_extractors.encoders.audio.windows import clip_windows, level_db
from feature_extractors.media import Problems, open_sound

RATE = 10  # Hz; sample j of the ramp is j + 1, so that zeros are only what was put in


class Ramp:
    """Stands for a decoded track: so many seconds, which come in pieces of `step` samples, heard but for a hole."""

    rate = RATE

    def __init__(self, seconds: float, step: int = 7, hole: tuple[float, float] | None = None) -> None:
        self.samples = np.arange(1, round(seconds * RATE) + 1, dtype=np.float32)
        self.step = step
        self.hole = hole
        self.given = 0

    def chunks(self) -> Iterator[np.ndarray]:
        for first in range(0, len(self.samples), self.step):
            self.given = first + self.step
            yield self.samples[first : first + self.step]

    def share_heard(self, start: float, seconds: float) -> float:
        moments = np.arange(round(start * RATE), round((start + seconds) * RATE))
        heard = moments < min(self.given, len(self.samples))
        if self.hole:
            heard &= (moments < round(self.hole[0] * RATE)) | (moments >= round(self.hole[1] * RATE))
        return float(heard.mean())


def windows(sound: Ramp, n_clips: int, clip: float = 2.0, window: float = 2.0) -> dict[int, list[float]]:
    return {piece.clip: piece.window.tolist() for piece in clip_windows(sound, n_clips, clip, window)}  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_windows_as_long_as_clips_tile_the_sound(step: int) -> None:
    tiles = windows(Ramp(10, step), 5).values()
    assert [sample for tile in tiles for sample in tile] == list(range(1, 101))


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_longer_windows_are_centred_and_zero_beyond_both_ends(step: int) -> None:
    found = windows(Ramp(10, step), 5, window=10.0)
    # Around the centre of clip 0, second 1: four seconds before the start, then the first six.
    assert found[0] == [0] * 40 + list(range(1, 61))
    assert found[2] == list(range(1, 101))  # second 5 is the middle of all
    assert found[4] == list(range(41, 101)) + [0] * 40
    for clip, window in found.items():
        assert window[49] == (2 * clip + 1) * RATE  # the sample just before the centre


def test_windows_shorter_than_clips_are_centred() -> None:
    assert windows(Ramp(4), 2, window=1.0) == {0: list(range(6, 16)), 1: list(range(26, 36))}


def test_a_clip_needs_sound_in_half_of_it() -> None:
    for seconds, expected in ((5.0, [0, 1, 2]), (4.9, [0, 1]), (1.0, [0]), (0.9, []), (20.0, [0, 1, 2, 3, 4])):
        assert list(windows(Ramp(seconds), 5)) == expected


def test_a_hole_costs_the_clips_in_it_not_those_after() -> None:
    # 3.5 to 6.5 s: a quarter of clip 1, all of clip 2, a quarter of clip 3
    assert list(windows(Ramp(10, hole=(3.5, 6.5)), 5)) == [0, 1, 3, 4]


def test_sound_beyond_the_pictures_is_heard_in_windows_and_read_no_further() -> None:
    sound = Ramp(1000)
    assert windows(sound, 3, window=6.0)[2] == list(range(21, 81))
    assert sound.given < 100


SQUARE = np.tile([1.0, -1.0], 50)


@pytest.mark.parametrize(
    ("samples", "level"),
    [
        (SQUARE, 0.0),
        (np.sin(2 * np.pi * np.arange(1000) / 100), 20 * math.log10(math.sqrt(0.5))),
        (0.001 * SQUARE, -60.0),
        (0.5 + SQUARE / 1024, 20 * math.log10(1 / 1024)),  # what cannot be heard does not count
        (np.full(100, -1 / 128), -120.0),  # 8-bit silence, coded as 127
        (np.ones(100), -120.0),
        (np.zeros(100), -120.0),
        (np.full(10, 1e-9), -120.0),
        (np.zeros(0), -120.0),
    ],
)
def test_level_is_in_decibels_of_full_scale(samples: np.ndarray, level: float) -> None:
    assert level_db(samples.astype(np.float32)) == pytest.approx(level, abs=1e-4)


def test_the_level_is_that_of_the_clip_not_of_its_window() -> None:
    sound = Ramp(6)
    sound.samples[:] = np.repeat([0.1, 1.0, 0.01], 20) * np.tile([1, -1], 30)
    levels = [piece.level_db for piece in clip_windows(sound, 3, 2.0, 6.0)]  # type: ignore[arg-type]
    assert levels == pytest.approx([-20, 0, -40], abs=1e-4)


def test_silence_of_eight_bits_is_silent(tmp_path: Path) -> None:
    """As many programs write it: 127 where 128 is zero, which decodes to -1/128, in all of 2 s."""
    file = tmp_path / "a.mka"
    with av.open(str(file), "w") as container:
        track = container.add_stream("pcm_u8", rate=32_000, layout="mono")
        frame = av.AudioFrame(format="u8", layout="mono", samples=64_000)
        frame.planes[0].update(bytes([127]) * 64_000)
        frame.sample_rate, frame.pts = 32_000, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    sound = open_sound(file, 32_000, 0.0, Problems())
    assert sound is not None
    (clip,) = clip_windows(sound, 1, 2.0, 2.0)
    assert (clip.window == -1 / 128).all() and clip.level_db == -120.0
