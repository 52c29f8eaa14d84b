"""The classic F1 of video summaries: segments of at most 15 % of the video, compared with every annotator's choice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eval.tvsum.precision import Bools, Floats

BUDGET = 0.15


def score_summary(scores: Floats, labels: Floats, segment: NDArray[np.intp]) -> float:
    """F1 of the summary made from scores (T,) against those made from each annotator's labels (T, A), mean over A.

    `segment` (T,) is the segment of each clip, from 0, or -1 for none. Scores and labels are treated alike
    (`raise_to_zero`), so an annotator's own labels score 1 against that annotator.
    """
    chosen = summarise_clips(raise_to_zero(scores), segment)
    return float(np.mean([compute_f1(chosen, summarise_clips(raise_to_zero(one), segment)) for one in labels.T]))


def raise_to_zero(scores: Floats) -> Floats:
    """Return scores (T,) unchanged, or if one is below 0, raise all until the lowest is 0.

    The sum that the knapsack maximises depends on the position of 0 (not on the scale). The classic protocol takes the
    points of annotators and the outputs of networks unchanged, since both are above 0; it would never choose a segment
    below 0. If all scores are then 0, they give no order, and as many segments as fit are chosen.
    """
    raised = scores - min(0.0, float(scores.min()))
    return raised if raised.any() else np.ones_like(raised)


def summarise_clips(scores: Floats, segment: NDArray[np.intp], budget: float = BUDGET) -> Bools:
    """Choose the segments with the largest sum of mean scores within int(budget * T) clips; returns the clips (T,)."""
    count = int(segment.max()) + 1
    inside = segment >= 0
    lengths = np.bincount(segment[inside], minlength=count)
    sums = np.bincount(segment[inside], weights=scores[inside], minlength=count)
    means = np.divide(sums, lengths, out=np.zeros(count), where=lengths > 0)
    chosen = fill_knapsack(means, lengths, int(budget * len(scores)))
    summary: Bools = inside & chosen[segment]
    return summary


def fill_knapsack(values: Floats, weights: NDArray[np.intp], capacity: int) -> Bools:
    """Choose the items (S,) with the largest sum of values within a capacity, exactly. Skips items of zero weight."""
    best = np.zeros(capacity + 1)
    taken = np.zeros((len(values), capacity + 1), dtype=bool)
    for item, (value, weight) in enumerate(zip(values, weights, strict=True)):
        if 0 < weight <= capacity:
            with_it = best[: capacity + 1 - weight] + value
            taken[item, weight:] = with_it > best[weight:]
            best[weight:] = np.maximum(best[weight:], with_it)
    chosen = np.zeros(len(values), dtype=bool)
    left = capacity
    for item in reversed(range(len(values))):
        if taken[item, left]:
            chosen[item] = True
            left -= int(weights[item])
    return chosen


def compute_f1(predicted: Bools, wanted: Bools) -> float:
    """Harmonic mean of precision and recall of chosen clips (T,); 0 if they have no clip in common."""
    shared = int((predicted & wanted).sum())
    return 2 * shared / int(predicted.sum() + wanted.sum()) if shared else 0.0
