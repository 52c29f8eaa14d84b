"""Precision against recall, whose area is the official mAP@t; and the same of all windows in one ranking.

- Per query: precision at a recall is the highest precision of a query's ranking at that recall or above (VOC 2010), 0
  beyond its last recall. The curve is the mean over queries, so its area is the mean of their APs: `MR-full-mAP@0.5`.
- Pooled: the windows of all queries in one ranking by score, as detectors of objects are judged. Its area asks more:
  scores must compare between queries. Windows of equal score are one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.retrieval.matches import THRESHOLDS, Matches
from formats.arrays import Floats


@dataclass(frozen=True)
class Curve:
    """Precision as a step function of recall: `precision[i]` up to and including `recall[i]`, both (J,), 0 to 1.

    Attributes:
        area: under the curve, 0 to 1; the average precision.
    """

    recall: Floats
    precision: Floats
    area: float


@dataclass(frozen=True)
class PrecisionRecall:
    """The curves at one IoU."""

    threshold: float
    per_query: Curve
    pooled: Curve


def trace_precision_recall(matches: Matches) -> list[PrecisionRecall]:
    """The curves at each of the `THRESHOLDS`."""
    return [
        PrecisionRecall(threshold, _trace_queries(matches, place), _trace_pooled(matches, place))
        for place, threshold in enumerate(THRESHOLDS)
    ]


def _trace_queries(matches: Matches, place: int) -> Curve:
    found = matches.right[:, place].cumsum(1)  # (N, P)
    precision = found / np.arange(1, found.shape[1] + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    # Recall can change only at these shares of a query's relevant windows, of which at most P are found.
    counts = np.unique(matches.relevant).tolist()
    recall = np.unique([number / count for count in counts for number in range(1, count + 1)])
    means = np.empty(len(recall))
    for step, share in enumerate(recall):
        reached = found / matches.relevant[:, None] >= share
        first = reached.argmax(1)
        values = np.where(reached.any(1), envelope[np.arange(len(found)), first], 0.0)
        means[step] = values.mean()
    return _measure(recall, means)


def _trace_pooled(matches: Matches, place: int) -> Curve:
    listed = matches.listed
    scores, right = matches.scores[listed], matches.right[:, place][listed]
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], right[order].cumsum()
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
    recall = found[last] / matches.relevant.sum()
    precision = np.maximum.accumulate((found[last] / (last + 1))[::-1])[::-1]
    recall, first = np.unique(recall, return_index=True)
    return _measure(recall, precision[first])


def _measure(recall: Floats, precision: Floats) -> Curve:
    return Curve(recall, precision, float((np.diff(recall, prepend=0.0) * precision).sum()))
