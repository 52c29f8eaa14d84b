"""Training targets of a query: its moments as spans, the saliency of every clip, and clip pairs to rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.arrays import Floats
from formats.labels import (
    ANNOTATORS,
    HIGHEST_RATING,
    LOWEST_RATING,
    MOST_POINTS,
    read_ratings,
)
from formats.rows import Row
from model.config import TrainConfig
from model.training.labels import lacks_saliency, read_clip_points, read_windows

HIGHEST_SALIENCY = float(ANNOTATORS * MOST_POINTS)
"""QVHighlights' scale, the sum over annotators. TVSum's ratings are rescaled to it."""
_WHERE = "annotations"
"""Placeholder for the file name, which is unknown here; `check_rows` has reported errors with it already."""


@dataclass(frozen=True)
class QueryTargets:
    """Training targets of one query in one epoch.

    Attributes:
        spans: (n, 2) float32 center and width, fractions of the clip grid; n is 0 if there is no relevant moment, or
            moments are not trained.
        saliency: (L,) float32, the sum over annotators from 0 to 12; 0 outside moments and without a picture.
        higher, lower: P clips each; in each pair the clip in `higher` is the better one.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    higher: tuple[int, ...]
    lower: tuple[int, ...]


_NO_PAIR = (0,)
"""A clip paired with itself, used if there is nothing to rank: its hinge is constant and has no gradient. So queries
without a relevant moment teach that no moment is one, and nothing about saliency."""


@dataclass(frozen=True)
class MomentLabels:
    """A QVHighlights row as arrays, from which the targets of an epoch are drawn.

    Attributes:
        spans: (n, 2) all moments, center and width as fractions of the clip grid.
        saliency: (L,) float32, 0 to 12.
        relevant: labelled clips with a picture, by ascending score (ties in the order of the labels).
        irrelevant: the other clips with a picture.
        max_windows: maximum number of moments that are kept.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    relevant: list[int]
    irrelevant: list[int]
    max_windows: int

    def draw(self, rng: np.random.Generator) -> QueryTargets:
        """Draw two pairs: best over worst relevant clip, and a random relevant over a random irrelevant clip."""
        spans, relevant, irrelevant = _some(self.spans, self.max_windows, rng), self.relevant, self.irrelevant
        if not relevant:
            return QueryTargets(spans, self.saliency, _NO_PAIR * 2, _NO_PAIR * 2)
        best, worst = relevant[-1], relevant[0]
        if not irrelevant:
            return QueryTargets(spans, self.saliency, (best, best), (worst, worst))
        other, easy = relevant[rng.integers(len(relevant))], irrelevant[rng.integers(len(irrelevant))]
        return QueryTargets(spans, self.saliency, (best, other), (worst, easy))


@dataclass(frozen=True)
class WindowLabels:
    """A row of windows alone as arrays: its moments, and the clips with a picture inside (saliency 1) and outside.

    This is what QV-M2's and Lighthouse's loaders make of rows without saliency: of the ranks that annotators give,
    only "at least 1" is known.
    """

    spans: NDArray[np.float32]
    saliency: NDArray[np.float32]
    inside: NDArray[np.int64]
    outside: NDArray[np.int64]
    max_windows: int

    def draw(self, rng: np.random.Generator) -> QueryTargets:
        """Draw two pairs of random clips, inside over outside.

        If a side has only one clip, it is taken twice; if all clips are inside, or none is, there is nothing to rank.
        """
        spans, inside, outside = _some(self.spans, self.max_windows, rng), self.inside, self.outside
        if not len(inside):
            return QueryTargets(spans, self.saliency, _NO_PAIR * 2, _NO_PAIR * 2)
        higher = rng.choice(inside, 2, replace=len(inside) < 2)
        lower = rng.choice(outside, 2, replace=len(outside) < 2) if len(outside) else higher
        return QueryTargets(spans, self.saliency, tuple(higher.tolist()), tuple(lower.tolist()))


@dataclass(frozen=True)
class RatingLabels:
    """A TVSum row as arrays; its targets are the same in every epoch."""

    targets: QueryTargets

    def draw(self, rng: np.random.Generator) -> QueryTargets:
        """One pair: best over worst clip."""
        del rng
        return self.targets


def _some(spans: NDArray[np.float32], most: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """At most `most` of the moments, drawn at random if there are more."""
    return spans if len(spans) <= most else spans[rng.permutation(len(spans))[:most]]


def read_labels(
    row: Row, seen: NDArray[np.bool_], clip_seconds: float, config: TrainConfig
) -> MomentLabels | WindowLabels | RatingLabels:
    """The labels of an annotation row checked by `check_rows`, according to objective and layout.

    Saliency beyond the clip grid and of clips without a picture is dropped, because no network could predict it.

    Args:
        seen: (L,) clips of the grid that have a picture.

    Raises:
        UserError: no moment lies within the video.
    """
    if not config.trains_moments:
        return read_rating_labels(row, seen)
    if lacks_saliency(row):
        return read_window_labels(row, seen, clip_seconds, config.max_windows)
    return read_moment_labels(row, seen, clip_seconds, config.max_windows)


def read_moment_labels(row: Row, seen: NDArray[np.bool_], clip_seconds: float, max_windows: int) -> MomentLabels:
    """Labels of a QVHighlights row."""
    spans = _spans(row, read_windows(row, _WHERE), len(seen) * clip_seconds)
    labelled = read_clip_points(row, _WHERE)
    known = np.isin(labelled.clips, np.flatnonzero(seen))
    clips = labelled.clips[known]
    scores = labelled.points.sum(axis=1).astype(np.float32)[known]
    saliency = np.zeros(len(seen), np.float32)
    saliency[clips] = scores
    irrelevant = np.setdiff1d(np.flatnonzero(seen), clips)
    relevant = clips[np.argsort(scores, kind="stable")]
    return MomentLabels(spans, saliency, relevant.tolist(), irrelevant.tolist(), max_windows)


def read_window_labels(row: Row, seen: NDArray[np.bool_], clip_seconds: float, max_windows: int) -> WindowLabels:
    """Labels of a row of windows alone."""
    windows, n_clips = read_windows(row, _WHERE), len(seen)
    spans = _spans(row, windows, n_clips * clip_seconds)
    inside = np.zeros(n_clips, bool)
    for start, end in windows[windows[:, 0] < n_clips * clip_seconds].tolist():
        last = max(0, min(int(end / clip_seconds), n_clips) - 1)
        first = min(max(0, int(start / clip_seconds)), last)
        inside[first : last + 1] = True
    inside, outside = inside & seen, ~inside & seen
    saliency = inside.astype(np.float32)
    return WindowLabels(spans, saliency, np.flatnonzero(inside), np.flatnonzero(outside), max_windows)


def read_rating_labels(row: Row, seen: NDArray[np.bool_]) -> RatingLabels:
    """Labels of a TVSum row: mean rating as a fraction of the scale, times 12.

    A clip without a label has saliency 0 and is in no pair.
    """
    label = read_ratings(row, _WHERE).astype(np.float32)[: len(seen)]
    clips = np.flatnonzero(seen[: len(label)])
    scores = (label[clips] - LOWEST_RATING).mean(axis=1) / (HIGHEST_RATING - LOWEST_RATING) * HIGHEST_SALIENCY
    saliency = np.zeros(len(seen), np.float32)
    saliency[clips] = scores
    order = clips[np.argsort(scores, kind="stable")].tolist()
    pair = (order[-1:], order[:1]) if order else (_NO_PAIR, _NO_PAIR)
    return RatingLabels(QueryTargets(np.zeros((0, 2), np.float32), saliency, tuple(pair[0]), tuple(pair[1])))


def _spans(row: Row, windows: Floats, seconds: float) -> NDArray[np.float32]:
    """Cut windows [start s, end s] to the video; returns (n, 2) centers and widths as fractions of it."""
    bounds = (windows.astype(np.float32) / seconds).clip(0, 1)
    bounds = bounds[bounds[:, 1] > bounds[:, 0]]
    if len(windows) and not len(bounds):
        raise UserError(f"qid {row['qid']}: no relevant window lies within the {seconds:g} s of its video")
    return np.stack([bounds.mean(axis=1), bounds[:, 1] - bounds[:, 0]], axis=1).astype(np.float32)
