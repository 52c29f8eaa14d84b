"""Windows of sound around the clips of a video, cut from the stream as it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from feature_extractors.media.sound import Samples, SoundTrack

FLOOR_DB = -120.0
"""Level given for silence, dBFS."""
ROUNDING = 1e-6
"""Rounding tolerance for a share of exactly one half."""


@dataclass(frozen=True)
class ClipSound:
    """The sound of one clip.

    Attributes:
        clip: its number.
        window: (samples,) around its centre, zeros where the file has no sound.
        level_db: level of the clip itself.
    """

    clip: int
    window: Samples
    level_db: float


def clip_windows(sound: SoundTrack, n_clips: int, clip_seconds: float, window_seconds: float) -> Iterator[ClipSound]:
    """Yield the clips that have sound for at least half of their length, with one window centred on each.

    At most one window, and what the decoder returns at a time, is held in memory.
    """
    rate = sound.rate
    length = round(window_seconds * rate)
    chunks = sound.chunks()
    held, first = np.zeros(0, np.float32), 0
    ended = False
    for clip in range(n_clips):
        begin, end = round(clip * clip_seconds * rate), round((clip + 1) * clip_seconds * rate)
        start = round((clip * clip_seconds - (window_seconds - clip_seconds) / 2) * rate)
        needed = max(start + length, end)
        pieces, until = [held], first + len(held)
        while until < needed and not ended:
            chunk = next(chunks, None)
            ended = chunk is None
            if chunk is not None:
                pieces.append(chunk)
                until += len(chunk)
        keep = max(0, min(start, begin) - first)
        held, first = np.concatenate(pieces)[keep:], first + keep
        if ended and begin >= until:
            return
        if sound.share_heard(clip * clip_seconds, clip_seconds) >= 0.5 - ROUNDING:
            own = _cut(held, begin - first, end - begin)
            yield ClipSound(clip, _cut(held, start - first, length), level_db(own))


def level_db(samples: Samples) -> float:
    """Root mean square about the mean, in dB of full scale, at least -120. A sine from -1 to 1 has -3.01 dB.

    A constant offset cannot be heard and is removed: otherwise 8-bit silence coded as 127 would have -42 dB.
    """
    values = samples.astype(np.float64)
    power = float(np.mean(np.square(values - values.mean()))) if len(values) else 0.0
    return 10 * math.log10(max(power, 10 ** (FLOOR_DB / 10)))


def _cut(samples: Samples, start: int, length: int) -> Samples:
    """Cut `length` samples from `start` on, with zeros beyond either end."""
    piece = samples[max(0, start) : max(0, start + length)]
    if len(piece) == length:
        return piece
    out = np.zeros(length, np.float32)
    begin = max(0, -start)
    out[begin : begin + len(piece)] = piece
    return out
