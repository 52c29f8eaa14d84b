"""The metrics of Soccer-GMR: a case worked out by hand, and a slow implementation."""

from __future__ import annotations

import numpy as np
import pytest

from eval.qvhighlights.generalised_retrieval import score_generalised
from eval.qvhighlights.queries import read_queries
from eval.qvhighlights.variants import score_variants
from tests.eval.oracle import THRESHOLDS, overlap


def arrays(pairs):
    sides = zip(zip(*pairs, strict=True), (3, 2), strict=True)
    return [[np.array(windows, dtype=float).reshape(-1, width) for windows in side] for side, width in sides]


def test_a_case_by_hand():
    one = ([[0, 8, 0.9]], [[0, 10]])  # IoU 0.8
    # IoU 1, nothing, 0.5: two of three moments up to 0.5, one above.
    three = ([[0, 10, 0.9], [90, 95, 0.8], [20, 25, 0.7]], [[0, 10], [20, 30], [40, 50]])
    none = ([], [[0, 10], [20, 30]])
    scores = score_generalised(*arrays([one, three, none]))
    # The query of IoU 0.8 meets 7 of 10 thresholds.
    assert scores["mR@1"] == 34.44  # (0.7 + 1/3 + 0) / 3
    assert scores["mR@3"] == scores["mR@5"] == 35.56  # (0.7 + (1 x 2/3 + 9 x 1/3) / 10 + 0) / 3
    # Over `three` and `none`: one of the two further moments, up to 0.5.
    assert (scores["mR+@1"], scores["mR+@3"]) == (0.0, 2.5)  # (1/2 at one threshold of ten + 0) / 2
    assert scores["mIoU@1"] == 60.0  # (0.8 + 1 + 0) / 3
    # The window at 90 s takes a moment without overlapping it, the first that is free: the third is left with [40, 50].
    assert scores["mIoU@3"] == 37.78  # (0.8 + (1 + 0 + 0) / 3 + 0) / 3
    assert scores["mIoU+@3"] == 0.0


def test_without_queries_of_several_moments_there_is_nothing_further():
    scores = score_generalised(*arrays([([[0, 8, 0.9]], [[0, 10]])]))
    assert (scores["mR@1"], scores["mIoU@5"]) == (70.0, 80.0)
    assert scores["mR+@1"] is scores["mIoU+@5"] is None


def greedy(predicted, relevant, threshold):
    free, found = sorted(relevant), []
    for window in predicted:
        if free:
            best = max(free, key=lambda moment: overlap(window, moment))
            if overlap(window, best) >= threshold:
                found.append(overlap(window, best))
                free.remove(best)
    return found


def test_equals_a_slow_implementation(queries):
    predictions, truth = queries(60)
    for place in range(0, 60, 7):
        predictions[place]["pred_relevant_windows"] = predictions[place]["pred_relevant_windows"][: place % 4]
        truth[place]["relevant_windows"].reverse()
    scores = score_variants(read_queries(predictions, truth))["generalised"]
    pairs = [
        (row["pred_relevant_windows"], labels["relevant_windows"])
        for row, labels in zip(predictions, truth, strict=True)
    ]
    for k in (1, 3, 5):
        several = [pair for pair in pairs if len(pair[1]) > 1]
        recall = [len(greedy(p[:k], r, t)) / len(r) for p, r in pairs for t in THRESHOLDS]
        more = [max(len(greedy(p[:k], r, t)) - 1, 0) / (len(r) - 1) for p, r in several for t in THRESHOLDS]
        iou = [np.mean(greedy(p[:k], r, 0) or [0]) for p, r in pairs]
        rest = [np.mean(sorted(greedy(p[:k], r, 0))[:-1] or [0]) for p, r in several]
        for name, values in (("mR", recall), ("mR+", more), ("mIoU", iou), ("mIoU+", rest)):
            assert scores[f"{name}@{k}"] == pytest.approx(100 * np.mean(values), abs=0.00501), (name, k)
