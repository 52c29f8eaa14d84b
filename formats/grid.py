"""The clip grid: clips of one length, on which all streams and labels lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from cli import Settings
from cli.settings import Above


@dataclass(frozen=True, kw_only=True)
class ClipGrid(Settings):
    """The clip grid shared by all streams."""

    seconds: Annotated[float, Above(0)] = 2.0
    """Length of a clip in seconds. Clip i covers [i * seconds, (i + 1) * seconds)."""

    def count(self, duration: float) -> int:
        """Number of whole clips in `duration` seconds, at least one.

        A twentieth of a clip may be missing at the end: containers round the length of the last frame.
        """
        return max(1, self._whole(duration))

    def is_shorter(self, duration: float) -> bool:
        """Whether `duration` seconds are less than one clip, by the same rule."""
        return self._whole(duration) < 1

    def _whole(self, duration: float) -> int:
        return math.floor(duration / self.seconds + 0.05)
