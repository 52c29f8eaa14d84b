"""Multi-moment retrieval: the metrics of QV-M2, for queries that several moments answer.

*Conventions.* As in QV-M2's program, whose keys are used. Windows are taken in listed order. Range "full" has all
relevant windows, the others those of their length alone (`moments.RANGES`), and a query counts by its windows there.

*Metrics.*

- mAP@1_tgt, mAP@2_tgt: mean AP of the queries with exactly one and two relevant windows, over the ten IoU thresholds
  of mAP.
- mAP@3+tgt: of the queries with three or more; first the mean of those with equally many windows, then the plain mean
  of these groups. A group of one query weighs as much as a group of a hundred.
- G-mAP (Generalized_mAP): the mean of all groups weighted by their number of queries, which is the mean over queries:
  mAP under another name.
- mIoU@k: the first k windows are matched one by one, each with the free relevant window of highest IoU; the mean IoU of
  all pairs.
- R@k at an IoU threshold t: the same matching, but only pairs of at least t count; pairs per k. mRk is its mean over
  t = 0.3, 0.35 ... 0.95, of the rounded numbers.

Only queries with at least k relevant and k predicted windows count in mIoU@k and R@k: a network that lists one window
per query has no R@2, and one that lists a second only where it is sure is scored on these queries alone. `queries` has
their number, which the original does not print.

Source: Cao et al., When One Moment Isn't Enough, NeurIPS 2025; Zhuo-Cao/QV-M2, standalone_eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.qvhighlights.moments import (
    RANGES,
    Bools,
    Floats,
    RangeScores,
    compute_iou,
    group_by_size,
    percent,
    stack,
)

MOST_MATCHED = 3
"""The k of mIoU@k and R@k are 1 to this."""
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


@dataclass(frozen=True)
class Matches:
    """The first windows of each query, matched with its relevant windows in one range of lengths."""

    relevant: NDArray[np.intp]
    """(N,) number of relevant windows in the range."""
    listed: NDArray[np.intp]
    """(N,) number of predicted windows."""
    iou: Floats
    """(N, K) IoU of each window with its relevant window; 0 without one."""
    hit: Bools
    """(N, T, K) whether a window has a relevant window of at least each threshold."""


def match_in_order(iou: Floats, wanted: Bools, threshold: float) -> Floats:
    """Match windows in listed order, each with the free relevant window of highest IoU if that reaches `threshold`.

    `iou` (N, K, G) of predicted with relevant windows, `wanted` (N, G). Of equal ones the first is taken. Returns the
    IoU of each window's match, (N, K), and -1 without one.
    """
    free, queries = wanted.copy(), np.arange(len(iou))
    found = np.full(iou.shape[:2], -1.0)
    for place in range(iou.shape[1]):
        open_to = np.where(free, iou[:, place], -1.0)
        best = open_to.argmax(1)
        value = open_to[queries, best]
        matched = (value >= max(threshold, 0.0)) & free[queries, best]
        found[matched, place] = value[matched]
        free[queries, best] &= ~matched
    return found


def match_ranges(predicted: Sequence[Floats], relevant: Sequence[Floats]) -> dict[str, Matches]:
    """Match the first windows of each query in each range of lengths.

    `predicted`: (windows, 3) in listed order; `relevant`: (windows, 2), at least one.
    """
    count = len(relevant)
    listed = np.array([min(len(windows), MOST_MATCHED) for windows in predicted])
    shape = (count, len(THRESHOLDS), MOST_MATCHED)
    matches = {
        name: Matches(np.zeros(count, np.intp), listed, np.zeros((count, MOST_MATCHED)), np.zeros(shape, dtype=bool))
        for name in RANGES
    }
    for places in group_by_size([len(windows) for windows in relevant]):
        truth, real = stack([relevant[place] for place in places], max(len(relevant[place]) for place in places))
        windows, present = stack([predicted[place] for place in places], MOST_MATCHED)
        iou = np.where(present[..., None], compute_iou(windows[..., :2], truth), -1.0)
        lengths = truth[..., 1] - truth[..., 0]
        for name, (shortest, longest) in RANGES.items():
            wanted = real & (lengths > shortest) & (lengths <= longest)
            part = matches[name]
            part.relevant[places] = wanted.sum(1)
            part.iou[places] = match_in_order(iou, wanted, 0.0).clip(0)
            for column, threshold in enumerate(THRESHOLDS):
                part.hit[places, column] = match_in_order(iou, wanted, threshold) >= 0
    return matches


def score_multiple_moments(
    ranges: dict[str, RangeScores], predicted: Sequence[Floats], relevant: Sequence[Floats]
) -> dict[str, Any]:
    """The metrics in percent, with the keys of QV-M2's program: {"brief": {"MR-full-mAP": ..}, "full": {..}, ..}.

    A metric that no query counts for is None, where the original has 0 or stops. `ranges` are the scores of the same
    queries.
    """
    matches = match_ranges(predicted, relevant)
    scores: dict[str, Any] = {name: _score_range(part, matches[name]) for name, part in ranges.items()}
    full = scores["full"]
    groups = full["MR-mAP"]
    brief = {"MR-full-mAP": groups["Generalized_mAP"]}
    for key, name in (("1_tgt", "1_tgt_mAP"), ("2_tgt", "2_tgt_mAP"), ("3+tgt", ">=3_tgt_mAP")):
        brief[f"MR-full-mAP@{key}"] = groups[name]
    for k in range(1, MOST_MATCHED + 1):
        brief[f"MR-full-mIoU@{k}"] = full[f"MR-mIoU@{k}"]
        brief[f"MR-full-mR{k}"] = full[f"MR-mR{k}"]
    return {"brief": dict(sorted(brief.items())), **dict(sorted(scores.items()))}


def _score_range(part: RangeScores, matches: Matches) -> dict[str, Any]:
    scores: dict[str, Any] = {"MR-mAP": _score_groups(part, matches.relevant), "queries": {}}
    for k in range(1, MOST_MATCHED + 1):
        counted = (matches.relevant >= k) & (matches.listed >= k)
        scores["queries"][str(k)] = int(counted.sum())
        if not counted.any():
            recall: dict[str, float | None] = {f"{threshold:.2f}": None for threshold in THRESHOLDS}
            scores |= {f"MR-mIoU@{k}": None, f"MR-R{k}": recall, f"MR-mR{k}": None}
            continue
        shares = [hits.sum() / hits.size for hits in matches.hit[counted, :, :k].transpose(1, 0, 2)]
        rounded = [percent(share) for share in shares]
        scores[f"MR-mIoU@{k}"] = percent(matches.iou[counted, :k].mean())
        scores[f"MR-R{k}"] = {f"{threshold:.2f}": value for threshold, value in zip(THRESHOLDS, rounded, strict=True)}
        scores[f"MR-mR{k}"] = float(np.mean(rounded).round(2))  # NumPy's rounding, as there, is not Python's
    return scores


def _score_groups(part: RangeScores, relevant: NDArray[np.intp]) -> dict[str, float | None]:
    """mAP by number of relevant windows (N,). Sums have the original's order, so that they round the same way."""
    precision, sizes = part.precision[part.counted], relevant[part.counted]
    chosen = {int(size): sizes == size for size in dict.fromkeys(sizes.tolist())}
    means = {size: float(precision[group].mean(0).mean()) for size, group in chosen.items()}
    many = [mean for size, mean in means.items() if size >= 3]
    generalised = sum(means[size] * (group.sum() / len(sizes)) for size, group in chosen.items())
    return {
        "1_tgt_mAP": percent(means[1]) if 1 in means else None,
        "2_tgt_mAP": percent(means[2]) if 2 in means else None,
        ">=3_tgt_mAP": percent(sum(many) / len(many)) if many else None,
        "Generalized_mAP": percent(generalised) if means else None,
    }
