"""Generalised moment retrieval: how completely the moments of a query are found, by the metrics of Soccer-GMR.

*Conventions.* Over queries with relevant windows; that others are rejected is not scored here. The first k listed
windows, k = 1, 3, 5, are matched one by one, each with the free relevant window of highest IoU. A query with fewer
windows than k counts with those that it has, unlike in QV-M2's metrics of the same names (`multiple_moments`).

*Metrics.*

- mR@k: relevant windows found, of all of the query; the mean over queries and over IoU thresholds 0.5, 0.55 ... 0.95.
- mR+@k: the same without the first that is found, over queries with two relevant windows or more: (found - 1) of
  (all - 1), and at least 0.
- mIoU@k: mean IoU of a query's pairs, matched whatever their IoU; the mean over queries.
- mIoU+@k: the same without the query's best pair, over queries with two relevant windows or more.

Source: Ding et al., Retrieving Any Relevant Moments, 2026; dymm9977/generalized-moment-retrieval, eval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.qvhighlights.moments import THRESHOLDS, Floats, compute_iou
from eval.qvhighlights.multiple_moments import match_in_order

CUTS = (1, 3, 5)
"""The k of the metrics."""


def score_generalised(predicted: Sequence[Floats], relevant: Sequence[Floats]) -> dict[str, float | None]:
    """{"mR@1": .., "mR+@1": .., "mIoU@1": .., "mIoU+@1": .., "mR@3": ..} in percent; None if no query counts.

    `predicted`: the windows of each query in listed order, (windows, 3); `relevant`: (windows, 2), at least one.
    """
    scores: dict[str, float | None] = {}
    several = np.array([len(windows) > 1 for windows in relevant])
    pairs = [_match(*query) for query in zip(predicted, relevant, strict=True)]
    counts = np.array([len(windows) for windows in relevant])
    for k in CUTS:
        found = np.stack([(found[:, :k] >= 0).sum(1) for found, _ in pairs])  # (N, T)
        overlaps = [np.sort(iou[:k][iou[:k] >= 0])[::-1] for _, iou in pairs]
        scores[f"mR@{k}"] = _average(found / counts[:, None])
        further = (found[several] - 1).clip(0) / (counts[several, None] - 1)
        scores[f"mR+@{k}"] = _average(further)
        scores[f"mIoU@{k}"] = _average(np.array([_mean(iou) for iou in overlaps])[:, None])
        rest = [_mean(iou[1:]) for iou, more in zip(overlaps, several, strict=True) if more]
        scores[f"mIoU+@{k}"] = _average(np.array(rest)[:, None])
    return scores


def _match(predicted: Floats, relevant: Floats) -> tuple[Floats, Floats]:
    """IoU of the match of each of the first windows at each threshold, (T, K), and of any match, (K,); -1 without."""
    truth = relevant[np.lexsort((relevant[:, 1], relevant[:, 0]))]  # of equal overlaps the earlier window is taken
    iou = compute_iou(predicted[None, : max(CUTS), :2], truth[None])
    wanted = np.ones((1, len(truth)), dtype=bool)
    found = [match_in_order(iou, wanted, threshold)[0] for threshold in (*THRESHOLDS, 0.0)]
    return np.stack(found[:-1]), found[-1]


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def _average(values: Floats) -> float | None:
    """Mean over queries, then over columns, in percent, of (N, C); None without queries. Rounded as in the original."""
    # Along the last axis NumPy adds in pairs, as it does the original's lists.
    return round(100 * float(np.ascontiguousarray(values.T).mean(1).mean()), 2) if len(values) else None
