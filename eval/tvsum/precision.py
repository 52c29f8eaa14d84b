"""The average precision of TVSum and YouTube Highlights, as UMT and QD-DETR publish it.

AP of a ranking: area under precision over recall by the trapezoid rule, starting at precision 1 and recall 0. Recall is
relative to the positives among the ranked clips considered (the first five for TVSum, all for YouTube Highlights): with
five, one early hit gives a high AP, and missed highlights cost nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TOP = 5


def find_positives(labels: Floats) -> Bools:
    """TVSum's positives (T, A): clips whose label (T, A) is strictly above the annotator's median for the video.

    For an even number of clips this is the lower median, element (T - 1) // 2 in ascending order.
    """
    positive: Bools = labels > np.sort(labels, axis=0)[(len(labels) - 1) // 2]
    return positive


def compute_trapezoid_ap(hits: Bools) -> Floats:
    """AP of rankings, (...,): sum of (r_j - r_j-1) (p_j-1 + p_j) / 2, or 0 without hits.

    `hits` (..., K): whether the clip at each rank is positive. p_j is the precision of the first j ranks, r_j their
    hits over all hits of the K; p_0 = 1, r_0 = 0.
    """
    found = np.cumsum(hits, axis=-1)
    total = found[..., -1:]
    precision = found / np.arange(1, hits.shape[-1] + 1)
    before = np.concatenate([np.ones_like(precision[..., :1]), precision[..., :-1]], axis=-1)
    steps = np.divide(hits, total, out=np.zeros(hits.shape), where=total > 0)
    area: Floats = (steps * (before + precision) / 2).sum(-1)
    return area


def rank_clips(scores: Floats, clips: int | None = None) -> NDArray[np.intp]:
    """Sort clips (T,) by descending score; of tied clips the earlier one comes first (the original's sort is unstable).

    If the video has `clips` clips, scores beyond them are ignored, and clips without a score come last.
    """
    clips = len(scores) if clips is None else clips
    order = np.argsort(-scores[:clips], kind="stable")
    return np.concatenate([order, np.arange(len(order), clips)])


def score_ranking(order: NDArray[np.intp], positive: Bools, top: int | None = TOP) -> float:
    """Mean over annotators of the AP of the first `top` clips (None: all) of an order, for positives (T, A)."""
    return float(compute_trapezoid_ap(positive[order[:top]].T).mean())
