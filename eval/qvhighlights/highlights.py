"""Highlight detection: HL-mAP and HIT@1, with the definitions of the official QVHighlights evaluation.

A clip is positive for an annotator who gave it at least 2 (Fair), 3 (Good) or 4 (VeryGood) of 4 points.

- HIT@1: the share of queries whose highest-scored clip (the first in a tie) is positive for at least one annotator.
- HL-mAP: AP per query and annotator, averaged over all of them. The AP is not the textbook one: it is the plain mean
  of the interpolated precision over the score levels at which recall rises, so positives that share a score count
  once. Without positives it is 0, without negatives 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.qvhighlights.moments import Bools, Floats, group_by_size, percent

LEVELS = {"Fair": 2, "Good": 3, "VeryGood": 4}


def hit_at_one(best: NDArray[np.intp], positive: Bools) -> Bools:
    """Whether each query's best clip (N,) is positive for at least one annotator, (N,).

    `positive` is (N, A, L), False beyond the end of a video: a best clip there is a miss.
    """
    inside = best < positive.shape[-1]
    anyone: Bools = np.any(positive, axis=1)
    return inside & anyone[np.arange(len(best)), np.where(inside, best, 0)]


def compute_clip_ap(scores: Floats, positive: Bools, real: Bools) -> Floats:
    """AP of each query and annotator, (N, A).

    `scores` (N, L) count for the clips that are `real` (N, L); `positive` is (N, A, L). Goes through the clips in
    descending order of score and reads precision only at the end of a run of equal scores.
    """
    order = np.argsort(np.where(real, -scores, np.inf), axis=1, kind="stable")
    scores, real = np.take_along_axis(scores, order, 1), np.take_along_axis(real, order, 1)
    positive = np.take_along_axis(positive, order[:, None], 2)
    ends = np.ones_like(real)
    ends[:, :-1] = (scores[:, :-1] != scores[:, 1:]) | ~real[:, 1:]
    ends = (ends & real)[:, None]

    found = positive.cumsum(-1)  # (N, A, L)
    precision = np.where(ends, found / np.arange(1, scores.shape[1] + 1), 0.0)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    at_ends = np.maximum.accumulate(np.where(ends, found, 0), axis=-1)
    before = np.concatenate([np.zeros_like(at_ends[..., :1]), at_ends[..., :-1]], axis=-1)
    rises = ends & (found > before)

    steps = rises.sum(-1)
    # Without negatives the precision is 1 throughout, and without positives there are no steps: 1 and 0 as defined.
    return np.divide((envelope * rises).sum(-1), steps, out=np.zeros(steps.shape), where=steps > 0)


def rank_in_order(scores: Floats) -> Floats:
    """Replace scores (N, L) by scores without ties in the same order; of tied clips the earlier one comes first."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.empty_like(scores)
    np.put_along_axis(ranked, order, -np.arange(scores.shape[1], dtype=np.float64)[None], axis=1)
    return ranked


@dataclass(frozen=True)
class Clips:
    """Predictions and labels of all queries on one grid of L clips."""

    scores: Floats
    """(N, L); a longer prediction is cut, a shorter one is padded with 0."""
    labels: Floats
    """(N, A, L) points from 0 to 4."""
    real: Bools
    """(N, L) False beyond the end of a video."""
    best: NDArray[np.intp]
    """(N,) the highest-scored clip (first in a tie) of the whole prediction, possibly beyond the end of the video."""

    def positive(self, least: float) -> Bools:
        """Clips with at least `least` points, (N, A, L)."""
        return (self.labels >= least) & self.real[:, None]


def align_clips(predicted: Sequence[Floats], saliency: Sequence[Floats]) -> Clips:
    """Align predictions with labels as the official evaluation does.

    `predicted`: the scores of each query (any number of clips, at least one,); `saliency`: its labels (clips, A), with
    the same A for all. Padding a short prediction with 0 has an effect: if all scores are negative, the padded clips
    come first.
    """
    queries, annotators = len(saliency), saliency[0].shape[1]
    longest = max(len(labels) for labels in saliency)
    labels = np.zeros((queries, annotators, longest))
    real = np.zeros((queries, longest), dtype=bool)
    scores = np.zeros((queries, longest))
    for row, (prediction, label) in enumerate(zip(predicted, saliency, strict=True)):
        length = len(label)
        labels[row, :, :length] = label.T
        real[row, :length] = True
        shared = min(length, len(prediction))
        scores[row, :shared] = prediction[:shared]
    return Clips(scores, labels, real, np.array([prediction.argmax() for prediction in predicted]))


@dataclass(frozen=True)
class LevelScores:
    """Values of each query at one level."""

    precision: Floats
    """(N, A) `compute_clip_ap`"""
    hit: Bools
    """(N,) `hit_at_one`"""


def score_levels(
    predicted: Sequence[Floats], saliency: Sequence[Floats], stable: bool = False
) -> dict[str, LevelScores]:
    """Compute the values per query whose means are the metrics of each level; arguments as in `align_clips`.

    `stable` is not part of the official evaluation: it gives each of the clips that share a score its own rank.
    """
    shape = len(saliency), saliency[0].shape[1]
    scores = {f"HL-min-{name}": LevelScores(np.zeros(shape), np.zeros(shape[0], dtype=bool)) for name in LEVELS}
    for places in group_by_size([len(labels) for labels in saliency]):
        clips = align_clips([predicted[place] for place in places], [saliency[place] for place in places])
        ranked = rank_in_order(clips.scores) if stable else clips.scores
        for name, least in LEVELS.items():
            positive = clips.positive(least)
            part = scores[f"HL-min-{name}"]
            part.precision[places] = compute_clip_ap(ranked, positive, clips.real)
            part.hit[places] = hit_at_one(clips.best, positive)
    return scores


def score_highlights(levels: Mapping[str, LevelScores]) -> dict[str, dict[str, float]]:
    """Average each level, in percent: {"HL-min-Fair": {"HL-mAP": .., "HL-Hit1": ..}, "HL-min-Good": ...}."""
    return {
        name: {"HL-mAP": percent(part.precision.mean()), "HL-Hit1": percent(part.hit.mean())}
        for name, part in levels.items()
    }
