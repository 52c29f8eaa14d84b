"""Windows of sound around clips: centred, zero beyond both ends, none where there is hardly any sound."""

from __future__ import annotations

import numpy as np

from feature_extractors.audio.windows import clip_windows, heard_clips
from feature_extractors.decode import Sound

RATE = 10  # Hz; sample j of the ramp is j + 1, so that zeros are only what was put in


def ramp(seconds: float) -> Sound:
    samples = round(seconds * RATE)
    return Sound(np.arange(1, samples + 1, dtype=np.float32), np.ones(samples, np.bool_), RATE)


def test_windows_as_long_as_clips_tile_the_sound() -> None:
    windows = clip_windows(ramp(10), np.arange(5), 2.0, 2.0)
    assert windows.ravel().tolist() == list(range(1, 101))


def test_longer_windows_are_centred_and_zero_beyond_both_ends() -> None:
    windows = clip_windows(ramp(10), np.arange(5), 2.0, 10.0)
    assert windows.shape == (5, 100) and windows.dtype == np.float32
    # Around the centre of clip 0, second 1: four seconds before the start, then the first six.
    assert windows[0].tolist() == [0] * 40 + list(range(1, 61))
    assert windows[2].tolist() == list(range(1, 101))  # second 5 is the middle of all
    assert windows[4].tolist() == list(range(41, 101)) + [0] * 40
    for clip, window in enumerate(windows):
        assert window[49] == (2 * clip + 1) * RATE  # the sample just before the centre


def test_only_the_clips_asked_for_are_cut() -> None:
    windows = clip_windows(ramp(10), np.array([1, 3]), 2.0, 2.0)
    assert windows.tolist() == [list(range(21, 41)), list(range(61, 81))]
    assert clip_windows(ramp(10), np.zeros(0, np.int64), 2.0, 2.0).shape == (0, 20)


def test_a_clip_needs_sound_in_half_of_it() -> None:
    for seconds, expected in ((5.0, [0, 1, 2]), (4.9, [0, 1]), (1.0, [0]), (0.9, []), (20.0, [0, 1, 2, 3, 4])):
        assert heard_clips(ramp(seconds), 5, 2.0).tolist() == expected


def test_a_hole_costs_the_clips_in_it_not_those_after() -> None:
    sound = ramp(10)
    sound.heard[35:65] = False  # 3.5 to 6.5 s: a quarter of clip 1, all of clip 2, a quarter of clip 3
    assert heard_clips(sound, 5, 2.0).tolist() == [0, 1, 3, 4]


def test_sound_beyond_the_pictures_is_heard_in_windows() -> None:
    assert clip_windows(ramp(20), np.array([2]), 2.0, 6.0)[0].tolist() == list(range(21, 81))
