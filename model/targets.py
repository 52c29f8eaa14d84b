"""Training targets of a query: its moments as spans, the saliency of every clip, and clip pairs to rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.files import Row
from model.config import TrainConfig
from model.labels import HIGHEST_LABEL, LOWEST_LABEL, is_caption

HIGHEST_SALIENCY = 12.0
"""QVHighlights' scale: three annotators, 0 to 4 each. TVSum's ratings are brought to it."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class QueryTargets:
    """What one query is trained on, in one epoch.

    Attributes:
        spans: (n, 2) float32 center and width, shares of the clip grid; n is 0 where moments are not trained.
        saliency: (L,) float32, the annotators' sum from 0 to 12, 0 outside moments.
        higher, lower: (P,) clips, the first of each pair being the better one.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    higher: NDArray[np.int64]
    lower: NDArray[np.int64]


def make_targets(
    row: Row, n_clips: int, clip_seconds: float, config: TrainConfig, rng: np.random.Generator
) -> QueryTargets:
    """Make the targets of an annotation row that `check_rows` has passed, by objective and layout.

    Raises:
        UserError: the labels do not fit the video.
    """
    if not config.trains_moments:
        return rate_clips(row, n_clips)
    if is_caption(row):
        return draw_caption_targets(row, n_clips, clip_seconds, rng)
    return draw_targets(row, n_clips, clip_seconds, config.max_windows, rng)


def draw_targets(
    row: Row, n_clips: int, clip_seconds: float, max_windows: int, rng: np.random.Generator
) -> QueryTargets:
    """Targets of a QVHighlights row: two pairs, best over worst relevant clip, random relevant over random irrelevant.

    Labels beyond the clip grid are left out. Of more than `max_windows` moments a random choice is kept.

    Raises:
        UserError: no moment lies within the video.
    """
    spans = _spans(row, row["relevant_windows"], n_clips * clip_seconds)
    if len(spans) > max_windows:
        spans = spans[rng.permutation(len(spans))[:max_windows]]
    clips = np.asarray(row["relevant_clip_ids"], dtype=np.int64)
    inside = clips < n_clips
    clips = clips[inside]
    scores = np.asarray([sum(each) for each in row["saliency_scores"]], dtype=np.float32)[inside]
    saliency = np.zeros(n_clips, np.float32)
    saliency[clips] = scores
    higher, lower = _rank_pairs(clips, scores, n_clips, rng)
    return QueryTargets(spans, saliency, higher, lower)


def draw_caption_targets(row: Row, n_clips: int, clip_seconds: float, rng: np.random.Generator) -> QueryTargets:
    """Targets of a caption: its first window is the one truth, saliency 1 inside; two random pairs of in over out.

    Where fewer than two clips are on a side, one is taken twice; where all clips are inside there is nothing to rank.

    Raises:
        UserError: the window does not lie within the video.
    """
    window = row["relevant_windows"][0]
    spans = _spans(row, [window], n_clips * clip_seconds)
    last = max(0, min(int(window[1] / clip_seconds), n_clips) - 1)
    first = min(max(0, int(window[0] / clip_seconds)), last)
    saliency = np.zeros(n_clips, np.float32)
    saliency[first : last + 1] = 1.0
    inside, outside = np.flatnonzero(saliency > 0), np.flatnonzero(saliency == 0)
    higher = rng.choice(inside, 2, replace=len(inside) < 2)
    lower = rng.choice(outside, 2, replace=len(outside) < 2) if len(outside) else higher
    return QueryTargets(spans, saliency, higher, lower)


def rate_clips(row: Row, n_clips: int) -> QueryTargets:
    """Targets of a TVSum row: mean rating as a share of the scale, times 12; one pair, best over worst clip.

    Labels beyond the clip grid are left out; a clip without label has saliency 0 and is in no pair.
    """
    label = np.asarray(row["label"], dtype=np.float32)[:n_clips]
    scores = (label - LOWEST_LABEL).mean(axis=1) / (HIGHEST_LABEL - LOWEST_LABEL) * HIGHEST_SALIENCY
    saliency = np.zeros(n_clips, np.float32)
    saliency[: len(scores)] = scores
    order = np.argsort(scores, kind="stable")
    return QueryTargets(np.zeros((0, 2), np.float32), saliency, order[-1:], order[:1])


def _spans(row: Row, windows: list[list[float]], seconds: float) -> NDArray[np.float32]:
    """Windows [start s, end s] within the video, as (n, 2) centers and widths, shares of it."""
    bounds = (np.asarray(windows, dtype=np.float32) / seconds).clip(0, 1)
    bounds = bounds[bounds[:, 1] > bounds[:, 0]]
    if not len(bounds):
        raise UserError(f"qid {row['qid']}: no relevant window lies within the {seconds:g} s of its video")
    return np.stack([bounds.mean(axis=1), bounds[:, 1] - bounds[:, 0]], axis=1).astype(np.float32)


def _rank_pairs(clips: NDArray[np.int64], scores: NDArray[np.float32], n_clips: int, rng: np.random.Generator) -> Pairs:
    if not len(clips):
        # Nothing is relevant on this grid: a pair with itself, whose hinge is constant and has no gradient.
        return np.zeros(2, np.int64), np.zeros(2, np.int64)
    order = np.argsort(scores, kind="stable")
    best, worst = clips[order[-1]], clips[order[0]]
    irrelevant = np.ones(n_clips, np.bool_)
    irrelevant[clips] = False
    outside = np.flatnonzero(irrelevant)
    if not len(outside):
        return np.array([best, best]), np.array([worst, worst])
    return np.array([best, rng.choice(clips)]), np.array([worst, rng.choice(outside)])
