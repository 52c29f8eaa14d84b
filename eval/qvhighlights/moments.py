"""Moment retrieval: R1@t and mAP@t over window lengths, with the definitions of the official QVHighlights evaluation.

- R1@t: the share of queries whose first listed window has an IoU of at least t with the relevant window that it
  overlaps best.
- AP@t of a query: takes the first ten listed windows in order of score (stable). Each is matched with the unmatched
  relevant window of highest IoU if that is at least t, and is a false positive otherwise. AP is the area under the
  precision envelope (VOC 2010, all points). mAP@t is its mean over queries, "average" the mean over the thresholds
  0.5, 0.55 ... 0.95.
- Ranges select *relevant* windows by length in seconds: short (0, 10], middle (10, 30], long (30, 150], full for all.
  Queries without a window in the range are skipped. Predictions are not selected: a correct long one is a false
  positive in "short".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formats.predictions import MOST_WINDOWS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Listed by hand, because numpy.linspace gives 0.7000000000000001, and an IoU of exactly 0.7 must count.
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
RANGES = {"full": (0.0, np.inf), "long": (30.0, 150.0), "middle": (10.0, 30.0), "short": (0.0, 10.0)}
# From this many numbers on, `numpy.sum` does not add them in sequence.
PAIRED = 8


def percent(share: float) -> float:
    """Convert a share as the official evaluation prints it: percent with two decimals, rounded by formatting."""
    return float(f"{100 * share:.2f}")


def stack(arrays: Sequence[Floats], length: int) -> tuple[Floats, Bools]:
    """Stack arrays (n_i, K) into (N, length, K), and mark which rows are real, (N, length)."""
    stacked = np.zeros((len(arrays), length, arrays[0].shape[1]))
    real = np.zeros((len(arrays), length), dtype=bool)
    for row, array in enumerate(arrays):
        kept = array[:length]
        stacked[row, : len(kept)] = kept
        real[row, : len(kept)] = True
    return stacked, real


def group_by_size(sizes: Sequence[int], most: int = 2**20) -> list[NDArray[np.intp]]:
    """Group indices whose sizes differ by less than a factor of two, ascending within a group.

    Padding to the largest of a group then wastes at most half; with a single group, one video of a day among many of
    150 s would multiply the memory of all. The padded sizes of a group sum to at most `most`, unless it has one member.
    """
    classes: dict[int, list[int]] = {}
    for place, size in enumerate(sizes):
        classes.setdefault(int(size).bit_length(), []).append(place)
    groups = []
    for bits, places in sorted(classes.items()):
        step = max(1, most >> bits)
        groups += [np.array(places[start : start + step]) for start in range(0, len(places), step)]
    return groups


def compute_iou(predicted: Floats, relevant: Floats) -> Floats:
    """Intersection over union of every predicted (N, P, 2) with every relevant window (N, G, 2): (N, P, G)."""
    start = np.maximum(predicted[:, :, None, 0], relevant[:, None, :, 0])
    end = np.minimum(predicted[:, :, None, 1], relevant[:, None, :, 1])
    shared = np.clip(end - start, 0, None)
    lengths = predicted[:, :, None, 1] - predicted[:, :, None, 0], relevant[:, None, :, 1] - relevant[:, None, :, 0]
    union = lengths[0] + lengths[1] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def compute_first_iou(predicted: Floats, listed: Bools, relevant: Floats, wanted: Bools) -> Floats:
    """IoU of each query's first listed window (N, 2) with the relevant window that it overlaps best: (N,), or 0.

    Only relevant windows (N, G, 2) that are `wanted` (N, G) count. `listed` (N,): whether the query has a predicted
    window; 0 without one. The best relevant window is chosen by IoU, but the value is the intersection over the hull of
    the two, as in the original: the same number for windows that overlap, but rounded differently.
    """
    iou = np.where(wanted, compute_iou(predicted[:, None], relevant)[:, 0], -1.0)
    best = np.take_along_axis(relevant, iou.argmax(1)[:, None, None], axis=1)[:, 0]
    shared = np.clip(np.minimum(predicted[:, 1], best[:, 1]) - np.maximum(predicted[:, 0], best[:, 0]), 0, None)
    hull = np.maximum(predicted[:, 1], best[:, 1]) - np.minimum(predicted[:, 0], best[:, 0])
    first: Floats = np.where(listed, np.divide(shared, hull, out=np.zeros_like(shared), where=hull > 0), 0.0)
    return first


def recall_at_one(first_iou: Floats, thresholds: Sequence[float]) -> Bools:
    """Whether the first window of each query reaches each threshold, (N, T), from its IoU (N,)."""
    reached: Bools = first_iou[:, None] >= np.array(thresholds)
    return reached


def order_by_score(windows: Floats, listed: Bools) -> NDArray[np.intp]:
    """Places of windows (N, P, 3) in descending order of score, (N, P); equal scores as listed, then the unlisted."""
    return np.argsort(np.where(listed, -windows[..., 2], np.inf), axis=1, kind="stable")


def match_windows(iou: Floats, wanted: Bools, thresholds: Sequence[float]) -> NDArray[np.intp]:
    """The relevant window that each predicted window takes at each threshold, (N, T, P); -1 for a false positive.

    One after the other takes the free relevant window of highest IoU, if that reaches the threshold.

    Args:
        iou: (N, P, G) with the windows in order of score, -1 where none is listed.
        wanted: (N, G) marks relevant windows.
        thresholds: T numbers above 0.
    """
    queries, places, choices = iou.shape
    least = np.array(thresholds)
    free = np.repeat(wanted[:, None], len(least), axis=1)  # (N, T, G)
    taken = np.full((queries, len(least), places), -1, np.intp)
    at_query, at_threshold = np.ogrid[:queries, : len(least)]
    for place in range(places):
        meets = iou[:, place, None, :]  # (N, 1, G)
        open_to = np.where(free & (meets >= least[:, None]), meets, -1.0)
        # In a tie the last one, as in the original's reversed sort: two halves of a window both have exactly 0.5.
        best = choices - 1 - open_to[..., ::-1].argmax(-1)
        hit = open_to[at_query, at_threshold, best] >= 0
        taken[..., place] = np.where(hit, best, -1)
        free[at_query, at_threshold, best] &= ~hit
    return taken


def compute_moment_ap(iou: Floats, wanted: Bools) -> Floats:
    """AP of each query at each threshold, (N, T).

    `iou` (N, P, G) has the windows in order of score, -1 where none is listed; `wanted` (N, G) marks relevant windows.
    """
    hits = (match_windows(iou, wanted, THRESHOLDS) >= 0).astype(np.float64)
    return _sum_as_original(hits, wanted.sum(1))


def _sum_as_original(hits: Floats, relevant: NDArray[np.intp]) -> Floats:
    """Area under the precision envelope (N, T) of hits (N, T, P), given the number of relevant windows (N,).

    The steps of recall are differences of quotients, added in the order in which `numpy.sum` adds the original's list.
    Otherwise a mean that should be 29.375 is off by its last bit, and printed as 29.37 instead of 29.38.
    """
    found = hits.cumsum(-1)
    recall = found / relevant[:, None, None]
    steps = np.diff(recall, axis=-1, prepend=0.0)
    precision = found / np.arange(1, hits.shape[-1] + 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    terms = steps * envelope
    area = np.zeros(hits.shape[:2])
    for place in range(hits.shape[-1]):
        area += terms[..., place]
    # The original's list ends with a 0 where recall does not reach 1. From eight numbers on, `numpy.sum` adds in pairs.
    listed = found[..., -1] + (found[..., -1] < relevant[:, None])
    for query, threshold in np.argwhere(listed >= PAIRED):
        numbers = terms[query, threshold][hits[query, threshold] > 0]
        area[query, threshold] = np.append(numbers, 0.0).sum() if len(numbers) < relevant[query] else numbers.sum()
    return area


@dataclass(frozen=True)
class RangeScores:
    """Values of each query in one range of window lengths. Queries without relevant windows in it are not `counted`."""

    counted: Bools
    """(N,)"""
    first_iou: Floats
    """(N,) `compute_first_iou`; 0 if not counted."""
    precision: Floats
    """(N, T) `compute_moment_ap` at each threshold; 0 if not counted."""


def score_ranges(predicted: Sequence[Floats], relevant: Sequence[Floats]) -> dict[str, RangeScores]:
    """Compute the values per query whose means are the metrics of each range.

    `predicted`: the windows of each query in listed order, (windows, 3): start s, end s, score. `relevant`:
    (windows, 2), at least one. A query without a predicted window counts as 0 (the official program fails there).
    """
    count = len(relevant)
    scores = {
        name: RangeScores(np.zeros(count, dtype=bool), np.zeros(count), np.zeros((count, len(THRESHOLDS))))
        for name in RANGES
    }
    for places in group_by_size([len(windows) for windows in relevant]):
        truth, real = stack([relevant[place] for place in places], max(len(relevant[place]) for place in places))
        windows, listed = stack([predicted[place] for place in places], MOST_WINDOWS)
        _score_group(windows, listed, truth, real, {name: (part, places) for name, part in scores.items()})
    return scores


def _score_group(
    windows: Floats,
    listed: Bools,
    truth: Floats,
    real: Bools,
    into: Mapping[str, tuple[RangeScores, NDArray[np.intp]]],
) -> None:
    """Score a group of queries from predicted (N, P, 3) and relevant windows (N, G, 2); stores the values `into`."""
    lengths = truth[..., 1] - truth[..., 0]
    order = order_by_score(windows, listed)
    iou = np.where(listed[..., None], compute_iou(windows[..., :2], truth), -1.0)
    iou = np.take_along_axis(iou, order[..., None], axis=1)
    for name, (shortest, longest) in RANGES.items():
        wanted = real & (lengths > shortest) & (lengths <= longest)
        rows: Bools = np.any(wanted, axis=1)
        if rows.any():
            part, places = into[name]
            part.counted[places[rows]] = True
            part.precision[places[rows]] = compute_moment_ap(iou[rows], wanted[rows])
            first = compute_first_iou(windows[rows, 0, :2], listed[rows, 0], truth[rows], wanted[rows])
            part.first_iou[places[rows]] = first


def score_moments(ranges: Mapping[str, RangeScores]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Average each range, in percent: {"full": {"MR-mAP": {"0.5": .., "average": ..}, "MR-R1": {"0.5": ..}}, ...}.

    All values of a range without queries are None.
    """
    scores: dict[str, dict[str, dict[str, float | None]]] = {}
    names = [str(threshold) for threshold in THRESHOLDS]
    for name, part in ranges.items():
        if not part.counted.any():
            scores[name] = {"MR-mAP": dict.fromkeys([*names, "average"]), "MR-R1": dict.fromkeys(names)}
            continue
        precision = part.precision[part.counted].mean(0)
        recall = recall_at_one(part.first_iou[part.counted], THRESHOLDS).mean(0)
        scores[name] = {
            "MR-mAP": {
                **{key: percent(value) for key, value in zip(names, precision, strict=True)},
                "average": percent(precision.mean()),
            },
            "MR-R1": {key: percent(value) for key, value in zip(names, recall, strict=True)},
        }
    return scores
