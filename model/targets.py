"""Training targets of a query: its moments as spans, the saliency of every clip, and clip pairs to rank."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError


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
    """Make the targets of an annotation row that `check_labels` has passed.

    Labels beyond the clip grid are left out. Of more than `max_windows` moments a random choice is kept.

    Raises:
        UserError: no moment lies within the video.
    """
    windows = np.asarray(row["relevant_windows"], dtype=np.float32) / (n_clips * clip_seconds)
    windows = windows.clip(0, 1)
    windows = windows[windows[:, 1] > windows[:, 0]]
    if not len(windows):
        raise UserError(
            f"qid {row['qid']}: no relevant window lies within the {n_clips * clip_seconds:g} s of its video"
        )
    if len(windows) > max_windows:
        windows = windows[rng.permutation(len(windows))[:max_windows]]
    spans = np.stack([windows.mean(axis=1), windows[:, 1] - windows[:, 0]], axis=1)

    clips = np.asarray(row["relevant_clip_ids"], dtype=np.int64)
    inside = clips < n_clips
    clips = clips[inside]
    scores = np.asarray([sum(each) for each in row["saliency_scores"]], dtype=np.float32)[inside]
    saliency = np.zeros(n_clips, np.float32)
    saliency[clips] = scores
    higher, lower = _rank_pairs(clips, scores, n_clips, rng)
    return QueryTargets(spans.astype(np.float32), saliency, higher, lower)


def check_labels(row: dict[str, Any]) -> None:
    """Check what training reads of an annotation row.

    Raises:
        UserError: naming the qid and the key that is missing or malformed.
    """
    windows, clips, scores = (row.get(key) for key in ("relevant_windows", "relevant_clip_ids", "saliency_scores"))
    where = f"qid {row['qid']}"
    if not isinstance(windows, list) or not windows or not all(_is_window(window) for window in windows):
        raise UserError(f"{where}: relevant_windows must be a list of [start, end] in seconds with start < end")
    if not isinstance(clips, list) or not all(isinstance(clip, int) and clip >= 0 for clip in clips):
        raise UserError(f"{where}: relevant_clip_ids must be a list of whole numbers from 0")
    numeric = isinstance(scores, list) and all(
        isinstance(each, list) and all(isinstance(score, int | float) and isfinite(score) for score in each)
        for each in scores
    )
    if not isinstance(scores, list) or not numeric or len(scores) != len(clips):
        raise UserError(f"{where}: saliency_scores must be a list of numbers for each of relevant_clip_ids")


def _is_window(window: object) -> bool:
    numbers = isinstance(window, list) and len(window) == 2 and all(isinstance(x, int | float) for x in window)
    return numbers and isfinite(window[0]) and isfinite(window[1]) and window[0] < window[1]  # type: ignore[index]


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
