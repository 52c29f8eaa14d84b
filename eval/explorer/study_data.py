"""The table of queries and what the page shows of the whole study, as JSON objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eval.explorer.answers import Answers
from eval.tvsum.precision import find_positives, rank_clips, score_ranking
from formats.gate_log import KINDS
from formats.labels import read_ratings
from formats.predictions import has_saliency, read_predicted_saliency
from formats.rows import Row

METRICS = {
    "MR-full-mAP": ("AP", "average precision of the moments, mean over IoU 0.5 to 0.95, percent"),
    "MR-full-R1@0.5": ("R1@0.5", "whether the best moment overlaps a labelled one by half, percent"),
    "MR-full-R1@0.7": ("R1@0.7", "whether the best moment overlaps a labelled one by 0.7, percent"),
    "HL-min-VeryGood-mAP": ("HL-AP", "average precision of the highlight scores, percent"),
    "mAP": ("AP@5", "top-5 average precision of the highlight scores, percent"),
    "score": ("score %", "score of the best moment, percent; scores of one query compare between videos"),
}
"""Keys of values per query, with heading and meaning of their column; the first one known is the main one."""
GROUPS = ("modality", "domain")
"""Keys of rows by which the table is filtered; the first one that a row has counts."""


def describe_table(queries: Sequence[Row], answers: Sequence[Answers], where: str) -> dict[str, Any]:
    """Columns of the table: texts of each query, and per answer its values and mean gates, None where unknown."""
    values = [_values_of(queries, one, where) for one in answers]
    known = [key for key in METRICS if any(any(number is not None for number in part[key]) for part in values)]
    kinds = [kind for kind in KINDS if any(kind in sample.gates for one in answers for sample in one.gates.values())]
    return {
        "queries": {
            "qid": [row["qid"] for row in queries],
            "query": [str(row.get("query") or "") for row in queries],
            "vid": [str(row.get("vid") or "") for row in queries],
            "group": [next((str(row[key]) for key in GROUPS if row.get(key)), "") for row in queries],
        },
        "metrics": [{"key": key, "label": METRICS[key][0], "what": METRICS[key][1]} for key in known],
        "kinds": kinds,
        "answers": [
            {
                "name": one.name,
                "run": one.run,
                "what": one.what,
                "values": {key: part[key] for key in known},
                "gates": {kind: _mean_gates(queries, one, kind) for kind in kinds},
            }
            for one, part in zip(answers, values, strict=True)
        ],
    }


def _values_of(queries: Sequence[Row], answers: Answers, where: str) -> dict[str, list[float | None]]:
    columns: dict[str, list[float | None]] = {key: [] for key in METRICS}
    for row in queries:
        given = answers.values.get(row["qid"], {})
        for key, column in columns.items():
            value = given.get(key)
            if key == "mAP" and value is None:
                value = rate_video(row, answers.predictions.get(row["qid"]), where)
            column.append(None if value is None else round(value, 2))
    return columns


def rate_video(row: Row, prediction: Row | None, where: str) -> float | None:
    """Top-5 average precision in percent of a row with ratings, as TVSum's; None without ratings or scores."""
    rated = row.get("label") is not None or row.get("match") is not None
    if not rated or prediction is None or not has_saliency(prediction):
        return None
    ratings = read_ratings(row, where)
    scores = read_predicted_saliency(prediction, "predictions")
    return 100 * score_ranking(rank_clips(scores, len(ratings)), find_positives(ratings))


def _mean_gates(queries: Sequence[Row], answers: Answers, kind: str) -> list[float | None]:
    """Mean over layers and clips of each query; None for the audio gate of a video without sound."""
    found: list[float | None] = []
    for row in queries:
        sample = answers.gates.get(row["qid"])
        if sample is None or kind not in sample.gates or (kind == "mha" and sample.has_audio is False):
            found.append(None)
        else:
            found.append(round(float(np.mean(sample.mean(sample.gates[kind]))), 4))
    return found
