"""Starting points near the true moments, from which the decoder learns to refine before its anchors are any good.

After DN-DETR (Li et al., CVPR 2022). Unlike there, a group is matched to the true moments like the anchors themselves,
so starting points that lie anywhere can share a group with noised moments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COPIES = 2
"""Noised copies of each true moment in a group; the rest of the group lies anywhere."""
SHIFT, STRETCH = 0.4, 0.6
"""Largest noise of a copy's center and of its width, as fractions of the moment's width."""
WIDEST = 0.42
"""Width of the widest starting point that lies anywhere, as a fraction of the video."""
SMALLEST = 0.02
"""Centers keep this distance from the ends of the video, and widths are at least this; less in a long video."""


def draw_starts(
    spans: NDArray[np.float32], groups: int, count: int, clips: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw groups of starting points (groups, count, 2), center and width as fractions of the video.

    Args:
        spans: (n, 2) true moments, center and width.
        count: starting points per group.
        clips: clips of the video; in one of more than 1 / SMALLEST clips, one clip takes the place of SMALLEST, because
            moments are that short.
    """
    smallest = min(SMALLEST, 1 / clips)
    starts = rng.random((groups, count, 2))
    starts[..., 1] = smallest + (WIDEST - smallest) * starts[..., 1]
    if len(spans):
        truth = np.resize(spans, (min(count, COPIES * len(spans)), 2)).astype(np.float64)
        noise = rng.uniform(-1, 1, (groups, *truth.shape))
        starts[:, : len(truth), 0] = truth[:, 0] + SHIFT * noise[..., 0] * truth[:, 1]
        starts[:, : len(truth), 1] = truth[:, 1] * (1 + STRETCH * noise[..., 1])
    return starts.clip(smallest, 1 - smallest).astype(np.float32)
