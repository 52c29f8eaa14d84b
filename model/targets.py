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


@dataclass(frozen=True)
class QueryTargets:
    """What one query is trained on, in one epoch.

    Attributes:
        spans: (n, 2) float32 center and width, shares of the clip grid; n is 0 where moments are not trained.
        saliency: (L,) float32, the annotators' sum from 0 to 12, 0 outside moments.
        higher, lower: P clips each, the first of each pair being the better one.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    higher: tuple[int, ...]
    lower: tuple[int, ...]


@dataclass(frozen=True)
class Moments:
    """A QVHighlights row as arrays, from which the targets of an epoch are drawn.

    Attributes:
        spans: (n, 2) all moments, center and width as shares of the clip grid.
        saliency: (L,) float32, 0 to 12.
        relevant: clips of the grid that are labelled, by rising score (ties by place).
        irrelevant: the other clips.
        max_windows: how many moments are kept.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    relevant: list[int]
    irrelevant: list[int]
    max_windows: int

    def draw(self, rng: np.random.Generator) -> QueryTargets:
        """Two pairs: best over worst relevant clip, a random relevant one over a random irrelevant one."""
        spans, relevant, irrelevant = self.spans, self.relevant, self.irrelevant
        if len(spans) > self.max_windows:
            spans = spans[rng.permutation(len(spans))[: self.max_windows]]
        if not relevant:
            # Nothing is relevant on this grid: a pair with itself, whose hinge is constant and has no gradient.
            return QueryTargets(spans, self.saliency, (0, 0), (0, 0))
        best, worst = relevant[-1], relevant[0]
        if not irrelevant:
            return QueryTargets(spans, self.saliency, (best, best), (worst, worst))
        other, easy = relevant[rng.integers(len(relevant))], irrelevant[rng.integers(len(irrelevant))]
        return QueryTargets(spans, self.saliency, (best, other), (worst, easy))


@dataclass(frozen=True)
class Caption:
    """A row of captions as arrays: one moment, the clips inside (saliency 1) and outside."""

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    inside: NDArray[np.int64]
    outside: NDArray[np.int64]

    def draw(self, rng: np.random.Generator) -> QueryTargets:
        """Two pairs of random clips, in over out.

        Where fewer than two clips are on a side, one is taken twice; where all are inside there is nothing to rank.
        """
        inside, outside = self.inside, self.outside
        higher = rng.choice(inside, 2, replace=len(inside) < 2)
        lower = rng.choice(outside, 2, replace=len(outside) < 2) if len(outside) else higher
        return QueryTargets(self.spans, self.saliency, tuple(higher.tolist()), tuple(lower.tolist()))


@dataclass(frozen=True)
class Ratings:
    """A TVSum row as arrays; nothing of it is drawn."""

    targets: QueryTargets

    def draw(self, rng: np.random.Generator) -> QueryTargets:
        """One pair, best over worst clip."""
        del rng
        return self.targets


def read_labels(row: Row, n_clips: int, clip_seconds: float, config: TrainConfig) -> Moments | Caption | Ratings:
    """The labels of an annotation row that `check_rows` has passed, by objective and layout.

    Labels beyond the clip grid are left out.

    Raises:
        UserError: no moment lies within the video.
    """
    if not config.trains_moments:
        return read_ratings(row, n_clips)
    if is_caption(row):
        return read_caption(row, n_clips, clip_seconds)
    return read_moments(row, n_clips, clip_seconds, config.max_windows)


def read_moments(row: Row, n_clips: int, clip_seconds: float, max_windows: int) -> Moments:
    """Labels of a QVHighlights row."""
    spans = _spans(row, row["relevant_windows"], n_clips * clip_seconds)
    clips = np.asarray(row["relevant_clip_ids"], dtype=np.int64)
    inside = clips < n_clips
    clips = clips[inside]
    scores = np.asarray([sum(each) for each in row["saliency_scores"]], dtype=np.float32)[inside]
    saliency = np.zeros(n_clips, np.float32)
    saliency[clips] = scores
    irrelevant = np.setdiff1d(np.arange(n_clips), clips)
    relevant = clips[np.argsort(scores, kind="stable")]
    return Moments(spans, saliency, relevant.tolist(), irrelevant.tolist(), max_windows)


def read_caption(row: Row, n_clips: int, clip_seconds: float) -> Caption:
    """Labels of a caption: its first window is the one truth."""
    window = row["relevant_windows"][0]
    spans = _spans(row, [window], n_clips * clip_seconds)
    last = max(0, min(int(window[1] / clip_seconds), n_clips) - 1)
    first = min(max(0, int(window[0] / clip_seconds)), last)
    saliency = np.zeros(n_clips, np.float32)
    saliency[first : last + 1] = 1.0
    return Caption(spans, saliency, np.flatnonzero(saliency > 0), np.flatnonzero(saliency == 0))


def read_ratings(row: Row, n_clips: int) -> Ratings:
    """Labels of a TVSum row: mean rating as a share of the scale, times 12.

    A clip without label has saliency 0 and is in no pair.
    """
    label = np.asarray(row["label"], dtype=np.float32)[:n_clips]
    scores = (label - LOWEST_LABEL).mean(axis=1) / (HIGHEST_LABEL - LOWEST_LABEL) * HIGHEST_SALIENCY
    saliency = np.zeros(n_clips, np.float32)
    saliency[: len(scores)] = scores
    order = np.argsort(scores, kind="stable").tolist()
    return Ratings(QueryTargets(np.zeros((0, 2), np.float32), saliency, tuple(order[-1:]), tuple(order[:1])))


def _spans(row: Row, windows: list[list[float]], seconds: float) -> NDArray[np.float32]:
    """Windows [start s, end s] within the video, as (n, 2) centers and widths, shares of it."""
    bounds = (np.asarray(windows, dtype=np.float32) / seconds).clip(0, 1)
    bounds = bounds[bounds[:, 1] > bounds[:, 0]]
    if not len(bounds):
        raise UserError(f"qid {row['qid']}: no relevant window lies within the {seconds:g} s of its video")
    return np.stack([bounds.mean(axis=1), bounds[:, 1] - bounds[:, 0]], axis=1).astype(np.float32)
