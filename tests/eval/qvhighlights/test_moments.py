"""Moment retrieval against a slow second implementation, and the edge cases of its definition."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest

from eval.qvhighlights.moments import THRESHOLDS, compute_moment_ap, group_by_size, score_moments, score_ranges
from tests.eval.oracle import moment_scores


def score(predicted, relevant):
    arrays = [np.array(windows, float).reshape(-1, 3) for windows in predicted]
    return score_moments(score_ranges(arrays, [np.array(windows, float) for windows in relevant]))


@pytest.mark.parametrize("seed", range(4))
def test_equals_slow_implementation(queries, seed):
    predictions, truth = queries(60, seed)
    predicted = [row["pred_relevant_windows"] for row in predictions]
    relevant = [row["relevant_windows"] for row in truth]
    expected = moment_scores(predicted, relevant)
    for name, part in score(predicted, relevant).items():
        for metric, values in part.items():
            for key, value in values.items():
                assert value == pytest.approx(100 * expected[name][metric][key], abs=0.00501), (name, metric, key)


def add_up(hits, relevant):
    """The original's arithmetic for one query and threshold, operation for operation."""
    found = np.cumsum(hits).astype(float)
    precision = np.hstack([[0], found / np.arange(1, len(hits) + 1), [0]])
    recall = np.hstack([[0], found / float(relevant), [1]])
    for place in range(len(precision) - 1)[::-1]:
        precision[place] = max(precision[place], precision[place + 1])
    rises = np.where(recall[1:] != recall[:-1])[0] + 1
    return np.sum((recall[rises] - recall[rises - 1]) * precision[rises])


def test_areas_are_the_original_s_to_the_last_bit():
    """Percentages have two decimals, and a mean that lies between two of them shows the last bit."""
    patterns = np.array(list(product([0, 1], repeat=10)))
    for relevant in range(1, 13):
        possible = patterns[patterns.sum(1) <= relevant]
        found = []
        for hits in possible:
            # A prediction matches its own relevant window exactly, or none.
            windows = np.zeros((10, relevant))
            for rank, place in enumerate(np.flatnonzero(hits)):
                windows[place, rank] = 1.0
            found.append(windows)
        ours = compute_moment_ap(np.array(found), np.ones((len(possible), relevant), dtype=bool))
        assert ours[:, 0].tolist() == [add_up(hits, relevant) for hits in possible], relevant


def test_perfect_prediction_is_100():
    part = score([[[0, 20, 0.9], [30, 40, 0.8]]], [[[0, 20], [30, 40]]])["full"]
    assert set(part["MR-mAP"].values()) == set(part["MR-R1"].values()) == {100.0}


def test_first_listed_counts_for_r1_and_highest_score_for_ap():
    part = score([[[50, 60, 0.1], [0, 20, 0.9]]], [[[0, 20]]])["full"]
    assert part["MR-R1"]["0.5"] == 0.0
    assert part["MR-mAP"]["0.5"] == 100.0


def test_second_match_of_a_window_is_a_false_positive():
    # Hit, false positive, hit: 1/2 * (1 + 2/3).
    part = score([[[0, 20, 0.9], [0, 20, 0.8], [40, 60, 0.7]]], [[[0, 20], [40, 60]]])["full"]
    assert part["MR-mAP"]["0.5"] == 83.33


def test_only_ten_windows_count():
    assert score([[[90, 92, 0.5]] * 10 + [[0, 20, 0.9]]], [[[0, 20]]])["full"]["MR-mAP"]["average"] == 0.0


def test_equal_scores_keep_their_order():
    part = score([[[50, 60, 0.5], [0, 20, 0.5]]], [[[0, 20]]])["full"]
    assert part["MR-mAP"]["0.5"] == 50.0


def test_iou_on_the_threshold_counts():
    # 14 of 20 seconds: an IoU of 0.7, which linspace's 0.7000000000000001 would refuse.
    part = score([[[0, 14, 1]]], [[[0, 20]]])["full"]
    assert (part["MR-R1"]["0.7"], part["MR-R1"]["0.75"]) == (100.0, 0.0)
    assert (part["MR-mAP"]["0.7"], part["MR-mAP"]["0.75"]) == (100.0, 0.0)


def test_ranges_include_their_upper_end_and_keep_all_predictions():
    scores = score([[[20, 50, 0.9], [0, 10, 0.8]]], [[[0, 10], [20, 50]]])
    assert scores["short"]["MR-mAP"]["0.5"] == 50.0  # the correct window of 30 s is a false positive here
    assert scores["short"]["MR-R1"]["0.5"] == 0.0
    assert scores["middle"]["MR-mAP"]["0.5"] == 100.0
    assert scores["long"]["MR-mAP"] == dict.fromkeys([*map(str, THRESHOLDS), "average"])


def test_no_window_and_a_window_without_length_score_0():
    for windows in ([], [[5, 5, 1.0]]):
        part = score([windows, [[0, 10, 1]]], [[[0, 10]], [[0, 10]]])["full"]
        assert part["MR-R1"]["0.5"] == part["MR-mAP"]["average"] == 50.0


def test_groups_hold_every_place_once_and_sizes_within_a_factor_of_two():
    sizes = [1, 75, 2, 40, 3, 64, 5000, 1, 127]
    groups = group_by_size(sizes)
    assert sorted(int(place) for group in groups for place in group) == list(range(9))
    for group in groups:
        found = [sizes[place] for place in group]
        assert max(found) < 2 * min(found) and list(group) == sorted(group)
    # Of 64 to 127 no two fit into 200.
    assert [list(group) for group in group_by_size(sizes, most=200)][-4:] == [[1], [5], [8], [6]]


def test_one_query_of_many_windows_does_not_fill_the_memory():
    random = np.random.default_rng(0)
    starts = 4.0 * np.arange(20_000)
    relevant = [np.array([[0.0, 10.0]])] * 3000 + [np.column_stack([starts, starts + 2])]
    predicted = [np.column_stack([[0.0] * 5, 2.0 + random.integers(0, 10, 5), random.random(5)]) for _ in relevant]
    tracemalloc.start()
    together = score_ranges(predicted, relevant)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    alone = score_ranges(predicted[:3000], relevant[:3000])
    for name, part in together.items():
        assert (part.precision[:3000] == alone[name].precision).all()
        assert (part.first_iou[:3000] == alone[name].first_iou).all()
