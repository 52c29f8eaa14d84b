"""Unofficial metrics, kept separate from the official ones, which they complement.

- MR-mIoU: mean over queries of the IoU of the first listed window with the relevant window that it overlaps best.
- MR-R1 at 0.3, 0.35, 0.4, 0.45: like the official R1, which starts at 0.5.
- HL-mAP-stable: the official HL-mAP with one rank per clip; of tied clips the earlier one comes first. Published
  saliency has 16 bits, so nearly every query has ties, and the official AP counts tied positives once.
- multi_moment: the metrics of QV-M2 (`multiple_moments`).
- generalised: the metrics of localisation of Soccer-GMR (`generalised_retrieval`).
"""

from __future__ import annotations

from typing import Any

from eval.qvhighlights.generalised_retrieval import score_generalised
from eval.qvhighlights.moments import percent, recall_at_one
from eval.qvhighlights.multiple_moments import score_multiple_moments
from eval.qvhighlights.queries import Queries
from eval.qvhighlights.score import score_highlights_of, score_moments_of

LOW_THRESHOLDS = (0.3, 0.35, 0.4, 0.45)


def score_variants(queries: Queries) -> dict[str, Any]:
    """Compute, in percent, {"full": {"MR-mIoU": .., "MR-R1": {..}}, ..., "HL-min-Fair": {"HL-mAP-stable": ..}, ...}.

    "multi_moment" holds the metrics of QV-M2, "generalised" those of Soccer-GMR.
    """
    scores: dict[str, Any] = {}
    ranges, places = score_moments_of(queries)
    for name, part in ranges.items():
        first = part.first_iou[part.counted]
        recall = recall_at_one(first, LOW_THRESHOLDS)
        scores[name] = {
            "MR-mIoU": percent(first.mean()) if len(first) else None,
            "MR-R1": {
                str(threshold): percent(recall[:, column].mean()) if len(first) else None
                for column, threshold in enumerate(LOW_THRESHOLDS)
            },
        }
    if ranges:
        predicted = [windows for place in places if (windows := queries.predicted_windows[place]) is not None]
        relevant = [windows for place in places if (windows := queries.relevant_windows[place]) is not None]
        scores["multi_moment"] = score_multiple_moments(ranges, predicted, relevant)
        scores["generalised"] = score_generalised(predicted, relevant)
    levels, _ = score_highlights_of(queries, stable=True)
    scores |= {name: {"HL-mAP-stable": percent(part.precision.mean())} for name, part in levels.items()}
    return scores
