"""Independent random streams: every draw of a run belongs to a stream named by its seed, its purpose and its place.

NumPy fills short seed lists with zeros, so `[seed, epoch]` and `[seed, epoch, 0]` would draw the same numbers
(findings/seed-lists-that-collide.sh). Spawn keys of `numpy.random.SeedSequence` keep streams apart.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Draw(IntEnum):
    """What is drawn, and the numbers that give the place of the draw. A value never changes: it selects the stream."""

    ORDER = 1
    """The order of the queries: epoch."""
    TARGETS = 2
    """Windows and pairs of clips to learn from: epoch, batch."""
    DROPOUT = 3
    """What dropout removes: step, process."""
    SHUFFLED_AUDIO = 4
    """Which videos' audio a control replaces, and which video's audio each of them hears."""
    NOISE = 5
    """Noise in place of audio: a hash of the video's id."""
    MISSING_AUDIO = 6
    """Which clips have no audio: a hash of the video's id."""


def generator(seed: int, purpose: Draw, *place: int) -> np.random.Generator:
    """The generator of one stream."""
    return np.random.default_rng(_sequence(seed, purpose, place))


def torch_seed(seed: int, purpose: Draw, *place: int) -> int:
    """A seed for torch, 0 to 2^63 - 1, from one stream."""
    return int(_sequence(seed, purpose, place).generate_state(1, np.uint64)[0] >> 1)


def _sequence(seed: int, purpose: Draw, place: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *place))
