"""The official QVHighlights evaluation: of all queries, of parts of them, and per query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cli import UserError
from eval.qvhighlights.highlights import LEVELS, LevelScores, score_highlights, score_levels
from eval.qvhighlights.moments import (
    RANGES,
    THRESHOLDS,
    Floats,
    RangeScores,
    recall_at_one,
    score_moments,
    score_ranges,
)
from eval.qvhighlights.queries import NAMES, Queries, read_queries
from formats.rows import Row

METRICS = (
    *(f"MR-{name}-mAP" for name in RANGES),
    *(f"MR-full-{key}" for key in ("mAP@0.5", "mAP@0.75", "R1@0.5", "R1@0.7")),
    *(f"HL-min-{level}-{key}" for level in LEVELS for key in ("Hit1", "mAP")),
)
"""The keys of "brief", if the queries have both kinds of labels."""


def evaluate(predictions: Sequence[Row], ground_truth: Sequence[Row], names: tuple[str, str] = NAMES) -> dict[str, Any]:
    """Read and score prediction rows (`read_queries`, `score_queries`)."""
    return score_queries(read_queries(predictions, ground_truth, names), names)


def score_queries(queries: Queries, names: tuple[str, str] = NAMES) -> dict[str, Any]:
    """Score queries, with the official structure, keys and rounding (percent, two decimals).

    {"brief": {..}, "HL-min-Fair": {..}, "HL-min-Good", "HL-min-VeryGood", "full", "long", "middle", "short"}. Moments
    are scored over the queries with relevant windows, highlights over those with saliency labels. Either is left out if
    no query has such labels, or no prediction has it. Values of a length range without windows are None.

    Raises:
        UserError: there is nothing to score.
    """
    result = _score(queries)
    if not result["brief"]:
        raise UserError(
            f"{names[1]}: nothing to score: needs relevant_windows (with pred_relevant_windows in {names[0]}), "
            "or relevant_clip_ids and saliency_scores (with pred_saliency_scores)"
        )
    return result


def score_parts(queries: Queries, parts: Mapping[str, Sequence[int]]) -> dict[str, dict[str, Any]]:
    """Score parts of the queries, given by indices: {"modality=audio": {"queries": n, **brief}, ...}.

    The numbers of a part are those of `evaluate` on its queries alone.
    """
    return {name: {"queries": len(places), **_score(queries.take(places))["brief"]} for name, places in parts.items()}


def score_each(queries: Queries) -> dict[str, Floats]:
    """Compute the value of each query for every key of "brief": {key: (N,)} in percent.

    NaN if the query does not count; the mean of the other values is the metric before rounding.
    """
    values: dict[str, Floats] = {}
    ranges, places = score_moments_of(queries)
    for name, part in ranges.items():
        mean = part.precision.mean(1)
        values[f"MR-{name}-mAP"] = _spread(mean, part, places, len(queries))
        if name == "full":
            for threshold in (0.5, 0.75):
                precision = part.precision[:, THRESHOLDS.index(threshold)]
                values[f"MR-full-mAP@{threshold}"] = _spread(precision, part, places, len(queries))
            for threshold in (0.5, 0.7):
                hit = recall_at_one(part.first_iou, (threshold,))[:, 0]
                values[f"MR-full-R1@{threshold}"] = _spread(hit, part, places, len(queries))
    values = dict(sorted(values.items()))
    levels, places = score_highlights_of(queries)
    for name, level in levels.items():
        for key, array in (("mAP", level.precision.mean(1)), ("Hit1", level.hit)):
            values[f"{name}-{key}"] = np.full(len(queries), np.nan)
            values[f"{name}-{key}"][places] = 100.0 * array
    return values


def as_lists(values: Mapping[str, Floats]) -> dict[str, list[float | None]]:
    """Convert the values of `score_each` to lists for JSON, with six decimals and None for NaN."""
    return {
        key: [None if number != number else round(number, 6) for number in array.tolist()]
        for key, array in values.items()
    }


def score_moments_of(queries: Queries) -> tuple[dict[str, RangeScores], list[int]]:
    """Apply `score_ranges` to the queries with windows; returns the scores and the indices of these queries."""
    places, predicted, relevant = [], [], []
    for place, (windows, wanted) in enumerate(zip(queries.predicted_windows, queries.relevant_windows, strict=True)):
        if windows is not None and wanted is not None:
            places.append(place)
            predicted.append(windows)
            relevant.append(wanted)
    return (score_ranges(predicted, relevant) if places else {}), places


def score_highlights_of(queries: Queries, stable: bool = False) -> tuple[dict[str, LevelScores], list[int]]:
    """Apply `score_levels` to the queries with saliency labels; returns the scores and the indices of these queries."""
    places, predicted, saliency = [], [], []
    for place, (scores, labels) in enumerate(zip(queries.predicted_saliency, queries.saliency, strict=True)):
        if scores is not None and labels is not None:
            places.append(place)
            predicted.append(scores)
            saliency.append(labels)
    return (score_levels(predicted, saliency, stable) if places else {}), places


def _spread(values: Floats | np.ndarray, part: RangeScores, places: list[int], queries: int) -> Floats:
    """Spread the values of the scored queries, in percent, over all queries; NaN elsewhere."""
    spread = np.full(queries, np.nan)
    spread[places] = np.where(part.counted, 100.0 * values, np.nan)
    return spread


def _score(queries: Queries) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    brief: dict[str, float | None] = {}
    ranges, _ = score_moments_of(queries)
    if ranges:
        moments = score_moments(ranges)
        scores.update(moments)
        brief.update(sorted(_brief_moments(moments).items()))
    levels, _ = score_highlights_of(queries)
    highlights = score_highlights(levels)
    scores.update(highlights)
    for name, part in highlights.items():
        brief.update({f"{name}-{key.removeprefix('HL-')}": value for key, value in part.items()})
    return {"brief": brief, **dict(sorted(scores.items()))}


def _brief_moments(moments: dict[str, dict[str, dict[str, float | None]]]) -> dict[str, float | None]:
    brief = {f"MR-{name}-mAP": part["MR-mAP"]["average"] for name, part in moments.items()}
    full = moments["full"]
    brief.update({f"MR-full-mAP@{threshold}": full["MR-mAP"][threshold] for threshold in ("0.5", "0.75")})
    brief.update({f"MR-full-R1@{threshold}": full["MR-R1"][threshold] for threshold in ("0.5", "0.7")})
    return brief
