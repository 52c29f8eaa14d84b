"""Precision-recall curves: by hand, and the same areas as the official numbers."""

from __future__ import annotations

import numpy as np
import pytest

from eval.qvhighlights.moments import THRESHOLDS as OFFICIAL
from eval.qvhighlights.score import score_each, score_moments_of, score_queries
from eval.retrieval.matches import match_moments
from eval.retrieval.precision_recall import trace_precision_recall
from tests.eval.retrieval.answers import answer, answer_at_random


@pytest.mark.parametrize("count", [1, 5, 500])
@pytest.mark.parametrize("equal", [False, True])
def test_the_area_is_the_official_map(count: int, equal: bool) -> None:
    queries = answer_at_random(count, seed=count, equal=equal)
    official = score_queries(queries)["brief"]
    for curves in trace_precision_recall(match_moments([queries])):
        key = f"MR-full-mAP@{curves.threshold:g}"
        assert 100 * curves.per_query.area == pytest.approx(float(score_each(queries)[key].mean()), abs=1e-9)
        assert f"{100 * curves.per_query.area:.2f}" == f"{official[key]:.2f}"
    # The hits are those of every official threshold that the curves are drawn at.
    ranges, _ = score_moments_of(queries)
    precision = ranges["full"].precision[:, OFFICIAL.index(0.75)].mean()
    assert trace_precision_recall(match_moments([queries]))[1].per_query.area == pytest.approx(precision)


def test_seeds_average() -> None:
    parts = [answer_at_random(9, seed) for seed in range(4)]
    areas = [trace_precision_recall(match_moments([part]))[0].per_query.area for part in parts]
    assert trace_precision_recall(match_moments(parts))[0].per_query.area == pytest.approx(np.mean(areas))


def test_curves_by_hand() -> None:
    queries = answer(
        ([[0, 10], [20, 30]], [[0, 10, 0.9], [50, 60, 0.6], [20, 30, 0.3]]),  # hit, miss, hit
        ([[0, 10]], [[70, 80, 0.8], [0, 10, 0.7]]),  # miss, hit
    )
    half = trace_precision_recall(match_moments([queries]))[0]
    # Up to recall 1/2 the first query has precision 1, then 2/3; the second one 1/2 all along.
    assert half.per_query.recall.tolist() == [0.5, 1.0]
    np.testing.assert_allclose(half.per_query.precision, [0.75, (2 / 3 + 1 / 2) / 2])
    # In one ranking: hit, miss, hit, miss, hit of three moments.
    np.testing.assert_allclose(half.pooled.recall, [1 / 3, 2 / 3, 1.0])
    np.testing.assert_allclose(half.pooled.precision, [1.0, 2 / 3, 3 / 5])
    assert half.pooled.area == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_windows_of_equal_score_are_one_step_whatever_their_order() -> None:
    hit, miss = ([[0, 10]], [[0, 10, 0.5]]), ([[0, 10]], [[50, 60, 0.5]])
    found = [trace_precision_recall(match_moments([answer(*pair)]))[0].pooled for pair in ((hit, miss), (miss, hit))]
    for curve in found:
        assert curve.recall.tolist() == [0.5] and curve.precision.tolist() == [0.5] and curve.area == 0.25


def test_no_hit_and_no_window() -> None:
    for predicted in ([], [[50, 60, 0.5]]):
        for curves in trace_precision_recall(match_moments([answer(([[0, 10]], predicted))])):
            assert curves.per_query.area == curves.pooled.area == 0
