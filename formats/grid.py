"""The clip grid: clips of one length, on which all streams and labels lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from cli import Settings
from cli.settings import Above

CLIP_SECONDS = 2.0
"""Length in seconds of the clips that the datasets label and that networks see."""

Span = tuple[int, int]
"""A range of a video's clips: the first, and the one after the last."""


@dataclass(frozen=True, kw_only=True)
class ClipGrid(Settings):
    """The clip grid shared by all streams."""

    seconds: Annotated[float, Above(0)] = CLIP_SECONDS
    """Length of a clip in seconds. Clip i covers [i * seconds, (i + 1) * seconds)."""

    def count(self, duration: float) -> int:
        """Number of whole clips in `duration` seconds, at least one.

        The last clip may be short by a twentieth of its length, because containers round the length of the last frame.
        """
        return max(1, self._whole(duration))

    def is_shorter(self, duration: float) -> bool:
        """Whether `duration` seconds are less than one clip, by the same rule."""
        return self._whole(duration) < 1

    def _whole(self, duration: float) -> int:
        return math.floor(duration / self.seconds + 0.05)


def whole_seconds(n_clips: int) -> int:
    """Seconds that `n_clips` labelled clips cover: the `duration` of an annotation row."""
    return int(n_clips * CLIP_SECONDS)


def clips_between(start: float, end: float) -> range:
    """Labelled clips of a window [start s, end s) whose ends lie on the grid."""
    return range(int(start // CLIP_SECONDS), int(end // CLIP_SECONDS))


def clip_bounds(n_clips: int, seconds: float = CLIP_SECONDS) -> NDArray[np.float64]:
    """[start, end) of each clip in seconds, (n_clips, 2)."""
    edges = np.arange(n_clips + 1) * float(seconds)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def clip_centres(n_clips: int) -> NDArray[np.float64]:
    """The middle of each labelled clip in seconds, (n_clips,)."""
    return (np.arange(n_clips, dtype=np.float64) + 0.5) * CLIP_SECONDS


def average_spans(parts: Sequence[tuple[Span, Any]], n_clips: int) -> NDArray[np.float64]:
    """Average the values of spans of a video into values for the whole video, (n_clips, ...).

    Each clip gets the mean over the spans that contain it, NaN if none does.

    Args:
        parts: each span with its values per clip, (clips of the span, ...).
    """
    total = np.zeros((n_clips, *np.shape(parts[0][1])[1:]))
    count = np.zeros((n_clips, *[1] * (total.ndim - 1)))
    for (first, stop), values in parts:
        total[first:stop] += values
        count[first:stop] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=np.broadcast_to(count > 0, total.shape))
