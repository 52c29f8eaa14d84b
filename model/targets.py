"""Training targets of a query: its moments as spans, the saliency of every clip, and clip pairs to rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class QueryTargets:
    """What one query is trained on, in one epoch.

    Attributes:
        spans: (n, 2) float32 center and width, shares of the clip grid.
        saliency: (L,) float32, the annotators' sum from 0 to 12, 0 outside moments.
        higher, lower: (2,) clips: best and worst relevant one; a random relevant and a random irrelevant one.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    higher: NDArray[np.int64]
    lower: NDArray[np.int64]


def draw_targets(
    row: dict[str, Any], n_clips: int, clip_seconds: float, max_windows: int, rng: np.random.Generator
) -> QueryTargets:
    """Make the targets of an annotation row in the QVHighlights schema.

    Labels beyond the clip grid are left out. Of more than `max_windows` moments a random choice is kept.
    """
    windows = np.asarray(row["relevant_windows"], dtype=np.float32).reshape(-1, 2) / (n_clips * clip_seconds)
    windows = windows.clip(0, 1)
    if len(windows) > max_windows:
        windows = windows[rng.permutation(len(windows))[:max_windows]]
    spans = np.stack([windows.mean(axis=1), windows[:, 1] - windows[:, 0]], axis=1)

    clips = np.asarray(row["relevant_clip_ids"], dtype=np.int64)
    inside = clips < n_clips
    clips = clips[inside]
    scores = np.asarray(row["saliency_scores"], dtype=np.float32).reshape(len(inside), -1).sum(axis=1)[inside]
    saliency = np.zeros(n_clips, np.float32)
    saliency[clips] = scores
    higher, lower = _rank_pairs(clips, scores, n_clips, rng)
    return QueryTargets(spans.astype(np.float32), saliency, higher, lower)


def _rank_pairs(
    clips: NDArray[np.int64], scores: NDArray[np.float32], n_clips: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not len(clips):
        # Nothing is relevant on this grid: a pair with itself, whose hinge is constant and has no gradient.
        return np.zeros(2, np.int64), np.zeros(2, np.int64)
    order = np.argsort(scores, kind="stable")
    best, worst = clips[order[-1]], clips[order[0]]
    outside = np.setdiff1d(np.arange(n_clips), clips)
    if not len(outside):
        return np.array([best, best]), np.array([worst, worst])
    return np.array([best, rng.choice(clips)]), np.array([worst, rng.choice(outside)])
