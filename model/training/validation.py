"""Validation during training: the same scores as `python -m eval score`, or for TVSum as `python -m eval tvsum`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.qvhighlights.score import evaluate
from eval.tvsum.precision import find_positives, rank_clips, score_ranking
from formats.rows import Row
from model.config import SALIENCY_METRIC
from model.data.feature_set import FeatureSet
from model.inference.gate_means import GateMeans
from model.inference.predict import predict, submission_row
from model.network.detector import HighlightDetector

BATCH_SIZE = 100


@dataclass(frozen=True)
class Validation:
    """The result of a validation.

    Attributes:
        scores: in percent; the official evaluation's summary, or {"mAP"} if only saliency is learnt.
        gates: means over the split by layer (see GateMeans); None without gates.
    """

    scores: dict[str, float]
    gates: dict[str, list[float]] | None


def validate(network: HighlightDetector, features: FeatureSet, device: str, objective: str) -> Validation:
    """Predict the split and score it."""
    moments = objective != "saliency"
    rows = []
    gates = GateMeans()
    for item in predict(network, features, BATCH_SIZE, device, moments):
        rows.append(submission_row(item, features.clip_seconds, round_to_clips=True))
        gates.add(item)
    return Validation(_score(rows, features, moments), gates.result())


def _score(rows: list[Row], features: FeatureSet, moments: bool) -> dict[str, float]:
    if moments:
        brief: dict[str, float] = evaluate(rows, features.rows)["brief"]
        return brief
    by_domain: dict[str, list[float]] = {}
    for row, truth in zip(rows, features.rows, strict=True):
        saliency = np.asarray(row["pred_saliency_scores"], dtype=np.float64)
        labels = np.asarray(truth["label"], dtype=np.float64)
        score = score_ranking(rank_clips(saliency, len(labels)), find_positives(labels))
        by_domain.setdefault(str(truth.get("domain")), []).append(score)
    return {SALIENCY_METRIC: round(100 * float(np.mean([np.mean(scores) for scores in by_domain.values()])), 3)}
