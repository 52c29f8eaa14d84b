"""The metrics of QV-M2: a case worked out by hand, and a slow implementation, one query and one window at a time."""

from __future__ import annotations

import numpy as np
import pytest

from eval.qvhighlights.moments import THRESHOLDS as AP_THRESHOLDS
from eval.qvhighlights.moments import score_ranges
from eval.qvhighlights.multiple_moments import THRESHOLDS, match_in_order, score_multiple_moments
from eval.qvhighlights.queries import read_queries
from eval.qvhighlights.score import evaluate
from eval.qvhighlights.variants import score_variants
from tests.eval.oracle import LIMITS, moment_ap, overlap


def score(pairs):
    predicted, relevant = (
        [np.array(windows, dtype=float).reshape(-1, columns) for windows in side]
        for side, columns in zip(zip(*pairs, strict=True), (3, 2), strict=True)
    )
    return score_multiple_moments(score_ranges(predicted, relevant), predicted, relevant)


def test_a_case_by_hand():
    one = ([[0, 10, 0.9], [50, 60, 0.8]], [[0, 10]])
    # The first window meets the second moment (IoU 0.8) and takes it; the second, which lies on it too, is left with
    # the first moment (IoU 0); the third meets that one (IoU 0.5).
    two = ([[20, 28, 0.9], [20, 30, 0.8], [0, 5, 0.7]], [[0, 10], [20, 30]])
    three = ([[0, 10, 0.9]], [[0, 10], [20, 30], [40, 50]])
    five = ([[0, 10, 0.5]] * 3, [[0, 10], [20, 30], [40, 50], [60, 70], [80, 90]])
    full = score([one, two, three, five])["full"]
    assert full["queries"] == {"1": 4, "2": 2, "3": 1}
    assert full["MR-mIoU@1"] == 95.0  # (1 + 0.8 + 1 + 1) / 4
    assert full["MR-mIoU@2"] == 45.0  # (0.8 + 0 + 1 + 0) / 4
    assert full["MR-mIoU@3"] == 33.33  # (1 + 0 + 0) / 3
    # Up to 0.80, query two has its first window alone; above, that one takes nothing, and the second has the moment.
    assert (full["MR-R1"]["0.80"], full["MR-R1"]["0.85"]) == (100.0, 75.0)
    assert (full["MR-R2"]["0.30"], full["MR-R2"]["0.80"], full["MR-R2"]["0.85"]) == (50.0, 50.0, 50.0)
    assert set(full["MR-R3"].values()) == {33.33}
    assert full["MR-mR1"] == 94.64  # (11 x 100 + 3 x 75) / 14
    assert full["MR-mR3"] == 33.33
    # Query one: 1. Query two, up to 0.5: hits at ranks 1 and 3 of 2 moments, (1 + 2/3) / 2; up to 0.8: 1/2; above: the
    # window of IoU 0.8 is wrong and the next one has IoU 1: precision 1/2 at recall 1/2. Three: 1/3. Five: 1/5.
    assert full["MR-mAP"]["1_tgt_mAP"] == 100.0
    assert full["MR-mAP"]["2_tgt_mAP"] == round(100 * (5 / 6 + 6 * 0.5 + 3 * 0.25) / 10, 2)
    assert full["MR-mAP"][">=3_tgt_mAP"] == 26.67  # (1/3 + 1/5) / 2


def test_groups_of_three_and_more_weigh_the_same():
    perfect = ([[0, 10, 0.9], [20, 30, 0.8], [40, 50, 0.7]], [[0, 10], [20, 30], [40, 50]])
    missed = ([[90, 99, 0.9]], [[0, 10], [20, 30], [40, 50], [60, 70]])
    groups = score([perfect] * 9 + [missed])["full"]["MR-mAP"]
    assert groups[">=3_tgt_mAP"] == 50.0  # 90.0 over queries
    assert groups["Generalized_mAP"] == 90.0
    assert groups["1_tgt_mAP"] is groups["2_tgt_mAP"] is None


def test_a_query_counts_by_its_windows_in_the_range():
    scores = score([([[0, 8, 0.9], [20, 60, 0.8]], [[0, 8], [20, 60], [70, 75]])])
    assert [scores[name]["queries"] for name in ("full", "short", "middle", "long")] == [
        {"1": 1, "2": 1, "3": 0},
        {"1": 1, "2": 1, "3": 0},
        {"1": 0, "2": 0, "3": 0},
        {"1": 1, "2": 0, "3": 0},
    ]
    assert scores["full"]["MR-mIoU@2"] == 100.0
    assert scores["short"]["MR-mIoU@2"] == 50.0  # the long window is matched with [70, 75]
    assert scores["middle"]["MR-mAP"]["Generalized_mAP"] is None
    assert scores["long"]["MR-mR2"] is None and set(scores["long"]["MR-R2"].values()) == {None}


def test_equal_overlaps_take_the_first():
    # Halves of a window: both have IoU 0.5. The next window covers the first half, which is taken.
    iou = np.array([[[0.5, 0.5], [1.0, 0.0]]])
    assert match_in_order(iou, np.ones((1, 2), dtype=bool), 0.5).tolist() == [[0.5, -1.0]]
    assert match_in_order(iou, np.ones((1, 2), dtype=bool), 0.0).tolist() == [[0.5, 0.0]]


def greedy(predicted, relevant, threshold):
    free, found = list(relevant), []
    for window in predicted:
        if free:
            best = max(free, key=lambda moment: overlap(window, moment))  # the first of equal ones
            if overlap(window, best) >= threshold:
                found.append(overlap(window, best))
                free.remove(best)
    return found


def test_equals_a_slow_implementation(queries):
    predictions, truth = queries(60)
    for place in range(0, 60, 7):
        predictions[place]["pred_relevant_windows"] = predictions[place]["pred_relevant_windows"][: place % 4]
    scores = score_variants(read_queries(predictions, truth))["multi_moment"]
    for name, (low, high) in LIMITS.items():
        pairs = [
            (row["pred_relevant_windows"], [w for w in labels["relevant_windows"] if low < w[1] - w[0] <= high])
            for row, labels in zip(predictions, truth, strict=True)
        ]
        pairs = [pair for pair in pairs if pair[1]]
        for k in (1, 2, 3):
            counted = [(p[:k], r) for p, r in pairs if len(p) >= k and len(r) >= k]
            assert scores[name]["queries"][str(k)] == len(counted)
            if not counted:
                assert scores[name][f"MR-mIoU@{k}"] is None
                continue
            ious = [iou for p, r in counted for iou in greedy(p, r, -1)]
            assert scores[name][f"MR-mIoU@{k}"] == pytest.approx(100 * np.mean(ious), abs=0.00501)
            shares = [100 * sum(len(greedy(p, r, t)) for p, r in counted) / (k * len(counted)) for t in THRESHOLDS]
            assert list(scores[name][f"MR-R{k}"].values()) == pytest.approx(shares, abs=0.00501)
            assert scores[name][f"MR-mR{k}"] == pytest.approx(np.mean(shares), abs=0.0101)
        groups = {}
        for p, r in pairs:
            groups.setdefault(len(r), []).append(np.mean([moment_ap(p, r, t) for t in AP_THRESHOLDS]))
        means = {size: 100 * np.mean(values) for size, values in groups.items()}
        many = [mean for size, mean in means.items() if size >= 3]
        expected = [means.get(1), means.get(2), np.mean(many) if many else None]
        assert list(scores[name]["MR-mAP"].values())[:3] == [
            None if value is None else pytest.approx(value, abs=0.00501) for value in expected
        ]
    assert any(scores["full"]["queries"].values())


def test_generalised_map_is_map_under_another_name(queries):
    predictions, truth = queries(60)
    brief = score_variants(read_queries(predictions, truth))["multi_moment"]["brief"]
    assert brief["MR-full-mAP"] == pytest.approx(evaluate(predictions, truth)["brief"]["MR-full-mAP"], abs=0.0101)
    assert sorted(brief) == list(brief) and len(brief) == 10
