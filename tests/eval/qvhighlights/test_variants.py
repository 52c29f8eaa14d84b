"""The unofficial metrics against the slow oracle."""

from __future__ import annotations

import numpy as np
import pytest

from eval.qvhighlights.queries import read_queries
from eval.qvhighlights.variants import score_variants
from tests.eval.oracle import clip_ap, first_overlap, label_matrix


def test_variants_stand_beside_the_official_numbers(queries):
    predictions, truth = queries(20)
    variants = score_variants(read_queries(predictions, truth))
    first = [
        first_overlap(row["pred_relevant_windows"], labels["relevant_windows"])
        for row, labels in zip(predictions, truth, strict=True)
    ]
    assert variants["full"]["MR-mIoU"] == pytest.approx(100 * np.mean(first), abs=0.00501)
    assert variants["full"]["MR-R1"]["0.3"] == 100 * np.mean(np.array(first) >= 0.3)
    stable = []
    for row, labels in zip(predictions, map(label_matrix, truth), strict=True):
        scores = (row["pred_saliency_scores"] + [0.0] * len(labels))[: len(labels)]
        order = sorted(range(len(labels)), key=lambda clip: -scores[clip])  # stable
        ranks = [-order.index(clip) for clip in range(len(labels))]
        stable += [clip_ap(ranks, [points[n] >= 4 for points in labels]) for n in range(3)]
    assert variants["HL-min-VeryGood"]["HL-mAP-stable"] == pytest.approx(100 * np.mean(stable), abs=0.00501)
