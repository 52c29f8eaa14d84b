"""A video at a glance: a few frames, and the power of its sound by band, on one time axis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feature_extractors.media.container import Problems
from feature_extractors.media.frames import frames_of_clips
from feature_extractors.media.sound import Samples, SoundTrack, open_sound
from formats.strip import HIGHEST_HZ, LOWEST_HZ, Strip
from formats.video_table import Video

ACROSS, UPRIGHT = 8, 16
"""Frames of a video that is wider than high, and of one that is higher than wide."""
HIGHEST_FRAME = 144
"""Pixels; larger frames are made smaller."""
RATE = 16000
BANDS, COLUMNS = 48, 480
WINDOW = 1024
"""Samples, 64 ms."""
FLOOR_DB = -100.0


def make_strip(folder: Path, video: Video, seconds: float, problems: Problems) -> Strip:
    """Make the strip of a video, a line of the video table, over the `seconds` that its clips cover.

    A video without pictures has no frames, and one without sound no sound.

    Raises:
        UserError: the file cannot be read.
    """
    file = folder / video.file
    frames = _frames(file, ACROSS, seconds, video.start_s, problems)
    if len(frames) and frames.shape[1] > frames.shape[2]:
        frames = _frames(file, UPRIGHT, seconds, video.start_s, problems)
    track = open_sound(file, RATE, video.start_s, problems) if video.has_audio else None
    sound = np.zeros((0, 0), np.float32) if track is None else measure_bands(track, seconds)
    return Strip(video.vid, seconds, frames, sound)


def _frames(file: Path, count: int, seconds: float, start_s: float, problems: Problems) -> NDArray[np.uint8]:
    """(count, H, W, 3); light grey where no picture is shown. (0, 0, 0, 3) if there is none at all."""
    shown = dict(frames_of_clips(file, count, seconds / count, 1, problems, start_s))
    if not shown:
        return np.zeros((0, 0, 0, 3), np.uint8)
    height, width = next(iter(shown.values())).shape[:2]
    scale = min(1.0, HIGHEST_FRAME / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    frames = np.full((count, size[1], size[0], 3), 235, np.uint8)
    for place, picture in shown.items():
        frames[place] = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    return frames


def measure_bands(track: SoundTrack, seconds: float) -> NDArray[np.float32]:
    """Mean power of each band and column, (BANDS, columns) in dB of full scale; NaN where there is no sound."""
    columns = max(1, min(COLUMNS, int(seconds * RATE) // WINDOW))
    edges = np.geomspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)
    hertz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    # The lowest bands are narrower than the lines of the spectrum: each has at least the line next to its middle.
    middles = np.sqrt(edges[1:] * edges[:-1])
    inside = (hertz >= edges[:-1, None]) & (hertz < edges[1:, None])
    inside[np.arange(BANDS), np.abs(hertz - middles[:, None]).argmin(1)] = True
    weights = inside / inside.sum(1, keepdims=True)
    total, count = np.zeros((columns, BANDS)), np.zeros(columns)
    hann = np.hanning(WINDOW).astype(np.float32)
    for at, windows in _windows(track):
        power = np.abs(np.fft.rfft(windows * hann)) ** 2 / (hann.sum() / 2) ** 2
        places = ((at + WINDOW / 2) / RATE / seconds * columns).astype(np.intp)
        kept = places < columns
        np.add.at(total, places[kept], power[kept] @ weights.T)
        np.add.at(count, places[kept], 1)
    mean = total / np.maximum(count, 1)[:, None]
    level = 10 * np.log10(np.maximum(mean, 10 ** (FLOOR_DB / 10))).T
    width = seconds / columns
    heard = [track.share_heard(place * width, width) >= 0.5 for place in range(columns)]
    level[:, ~np.array(heard) | (count == 0)] = np.nan
    return level.astype(np.float32)


def _windows(track: SoundTrack) -> Iterator[tuple[NDArray[np.int64], Samples]]:
    """Yield windows (n, WINDOW) that overlap by half, with the number of their first sample (n,)."""
    hop, rest, begin = WINDOW // 2, np.zeros(0, np.float32), 0
    for chunk in track.chunks():
        rest = np.concatenate([rest, chunk])
        if len(rest) < WINDOW:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::hop]
        yield begin + hop * np.arange(len(windows)), windows
        used = hop * len(windows)
        rest, begin = rest[used:], begin + used
