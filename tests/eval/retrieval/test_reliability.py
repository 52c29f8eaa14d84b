"""Reliability of scores: by hand."""

from __future__ import annotations

import numpy as np
import pytest

from eval.retrieval.matches import match_moments
from eval.retrieval.reliability import BINS, are_probabilities, measure_reliability
from tests.eval.retrieval.answers import answer, answer_at_random

HAND = answer(
    ([[0, 10]], [[0, 10, 0.95], [2, 10, 0.85], [50, 60, 0.05]]),  # right, a second on the same moment, wrong
    ([[0, 10]], [[50, 60, 0.92], [0, 10, 0.25]]),  # wrong, right
)


def test_shares_by_hand() -> None:
    found = measure_reliability(match_moments([HAND]))
    assert BINS == 10
    np.testing.assert_array_equal(found.counts, [1, 0, 1, 0, 0, 0, 0, 0, 1, 2])
    np.testing.assert_allclose(found.right[[0, 2, 8, 9]], [0, 1, 0, 0.5])
    np.testing.assert_allclose(found.scores[[0, 2, 8, 9]], [0.05, 0.25, 0.85, 0.935])
    assert np.isnan(found.right[[1, 3, 4, 5, 6, 7]]).all()
    assert found.error == pytest.approx((0.05 + 0.75 + 0.85 + 2 * (0.935 - 0.5)) / 5)


def test_the_best_window_of_each_query() -> None:
    found = measure_reliability(match_moments([HAND]), best_only=True)
    assert found.counts.sum() == found.counts[9] == 2 and found.right[9] == 0.5


def test_wilsons_interval() -> None:
    """Half of two, and one of one, as computed by other programs (statsmodels: proportion_confint, wilson)."""
    found = measure_reliability(match_moments([HAND]))
    np.testing.assert_allclose(found.interval[9], [0.094531, 0.905469], atol=1e-6)
    np.testing.assert_allclose(found.interval[2], [0.206549, 1.0], atol=1e-6)
    assert np.isnan(found.interval[1]).all()


def test_the_ends_of_the_scale_have_bins_and_scores_beyond_it_are_no_probabilities() -> None:
    ends = match_moments([answer(([[0, 10]], [[0, 10, 1.0], [50, 60, 0.0]]))])
    found = measure_reliability(ends)
    assert found.counts[0] == found.counts[-1] == 1 and found.error == 0 and are_probabilities(ends)
    assert not are_probabilities(match_moments([answer(([[0, 10]], [[0, 10, 3.5]]))]))


def test_equal_scores_are_one_bin() -> None:
    matches = match_moments([answer_at_random(50, equal=True)])
    found = measure_reliability(matches)
    assert found.counts.nonzero()[0].tolist() == [5]
    assert found.error == pytest.approx(abs(0.5 - matches.right[:, 0][matches.listed].mean()))
