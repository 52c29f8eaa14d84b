"""The official QVHighlights evaluation of a prediction file, of all queries and of parts of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cli import UserError
from cli.files import Row
from eval.highlights import score_highlights
from eval.moments import score_moments
from eval.rows import (
    match_queries,
    read_predicted_saliency,
    read_predicted_windows,
    read_relevant_windows,
    read_saliency,
)

NAMES = ("predictions", "ground truth")
# More parts than this is a key such as qid or query, chosen by mistake.
MOST_PARTS = 50


def evaluate(predictions: Sequence[Row], ground_truth: Sequence[Row], names: tuple[str, str] = NAMES) -> dict[str, Any]:
    """Score predictions: the official structure, keys and rounding (percent, two decimals).

    {"brief": {..}, "HL-min-Fair": {..}, "HL-min-Good", "HL-min-VeryGood", "full", "long", "middle", "short"}. Moments
    are scored over the queries with relevant windows, highlights over those with saliency labels; what no query has is
    left out, as is what the predictions lack. A length range that holds no window is None. `names` stand for the files
    in messages.

    Raises:
        UserError: different queries in the two, a malformed row, a score that is not finite, or nothing to score.
    """
    result = _evaluate(match_queries(predictions, ground_truth, names), names)
    if not result["brief"]:
        raise UserError(
            f"{names[1]}: nothing to score: needs relevant_windows or saliency_scores with relevant_clip_ids, "
            f"and {names[0]} the pred_relevant_windows or pred_saliency_scores for them"
        )
    return result


def score_subsets(
    predictions: Sequence[Row], ground_truth: Sequence[Row], by: Sequence[str], names: tuple[str, str] = NAMES
) -> dict[str, dict[str, Any]]:
    """Score parts of the queries: {"modality=audio": {"queries": n, **brief}, ...}.

    There is one part for every value of every key in `by`. A part's numbers are those of `evaluate` on its queries
    alone. Rows without the key are the part "key=null".
    """
    pairs = match_queries(predictions, ground_truth, names)
    scores: dict[str, dict[str, Any]] = {}
    for key in by:
        parts: dict[str, list[tuple[Row, Row]]] = {}
        for pair in pairs:
            parts.setdefault(name_part(key, pair[1], names[1]), []).append(pair)
        if list(parts) == [f"{key}=null"]:
            raise UserError(f"{names[1]}: no row has the key {key!r}")
        if len(parts) > MOST_PARTS:
            raise UserError(f"{names[1]}: {key!r} has {len(parts)} values, more than {MOST_PARTS}")
        for part in sorted(parts):
            scores[part] = {"queries": len(parts[part]), **_evaluate(parts[part], names)["brief"]}
    return scores


def name_part(key: str, row: Row, where: str) -> str:
    """The part a row belongs to: "modality=audio", "audio_informative=true"."""
    value = row.get(key)
    if isinstance(value, list | dict):
        raise UserError(f"{where}: qid {row.get('qid')}: {key!r} is a {type(value).__name__}, not one value")
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def _evaluate(pairs: Sequence[tuple[Row, Row]], names: tuple[str, str]) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    brief: dict[str, float | None] = {}
    if any("pred_relevant_windows" in prediction for prediction, _ in pairs):
        found = [(prediction, read_relevant_windows(truth, names[1])) for prediction, truth in pairs]
        asked = [(read_predicted_windows(row, names[0]), windows) for row, windows in found if windows is not None]
        if asked:
            moments = score_moments([pair[0] for pair in asked], [pair[1] for pair in asked])
            scores.update(moments)
            brief.update(sorted(_brief_moments(moments).items()))
    if any("pred_saliency_scores" in prediction for prediction, _ in pairs):
        labelled = [(prediction, truth, read_saliency(truth, names[1])) for prediction, truth in pairs]
        rated = [
            (read_predicted_saliency(row, names[0]), truth, matrix)
            for row, truth, matrix in labelled
            if matrix is not None
        ]
        if rated:
            for _, truth, matrix in rated:
                if matrix.shape[1] != rated[0][2].shape[1]:
                    raise UserError(
                        f"{names[1]}: qid {truth['qid']}: {matrix.shape[1]} annotators, others {rated[0][2].shape[1]}"
                    )
            highlights = score_highlights([row[0] for row in rated], [row[2] for row in rated])
            scores.update(highlights)
            brief.update(
                {
                    f"{name}-{key.removeprefix('HL-')}": value
                    for name, part in highlights.items()
                    for key, value in part.items()
                }
            )
    return {"brief": brief, **dict(sorted(scores.items()))}


def _brief_moments(moments: dict[str, dict[str, dict[str, float | None]]]) -> dict[str, float | None]:
    brief = {f"MR-{name}-mAP": part["MR-mAP"]["average"] for name, part in moments.items()}
    full = moments["full"]
    brief.update({f"MR-full-mAP@{threshold}": full["MR-mAP"][threshold] for threshold in ("0.5", "0.75")})
    brief.update({f"MR-full-R1@{threshold}": full["MR-R1"][threshold] for threshold in ("0.5", "0.7")})
    return brief
