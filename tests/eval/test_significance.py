"""Intervals and paired tests against SciPy and by counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test, ttest_1samp

from eval.significance import average_seeds, bootstrap_means, compare_t, interval_t, permute_signs


def test_interval_covers_the_mean_and_shrinks_with_the_number():
    random = np.random.default_rng(0)
    few, many = random.normal(10, 2, (50, 1)), random.normal(10, 2, (5000, 1))
    (low, high), (lower, higher) = bootstrap_means(few)[0], bootstrap_means(many)[0]
    assert low < few.mean() < high
    # Of a mean of n values with sd 2: 2 * 1.96 * 2 / sqrt(n).
    assert high - low == pytest.approx(2 * 1.96 * few.std() / 50**0.5, rel=0.1)
    assert higher - lower == pytest.approx(2 * 1.96 * many.std() / 5000**0.5, rel=0.1)


def test_missing_values_do_not_count():
    values = np.random.default_rng(1).normal(size=(60, 1))
    padded = np.vstack([values, np.full((60, 1), np.nan)])
    assert bootstrap_means(padded)[0] == pytest.approx(bootstrap_means(values)[0], abs=0.1)
    constant = np.where(np.isnan(padded), np.nan, 7.0)
    assert bootstrap_means(constant)[0].tolist() == [7.0, 7.0]


def test_same_seed_same_interval():
    values = np.random.default_rng(0).random((30, 2))
    assert np.array_equal(bootstrap_means(values, 3), bootstrap_means(values, 3))
    assert not np.array_equal(bootstrap_means(values, 3), bootstrap_means(values, 4))


def test_permutation_is_exact_for_few_pairs():
    change = np.array([1.0, 2.0, 0.5, -0.2, 3.0])
    expected = permutation_test((change, np.zeros(5)), lambda a, b: np.mean(a - b), permutation_type="samples")
    assert permute_signs(change) == pytest.approx(expected.pvalue)
    assert permute_signs(np.array([1.0, 1.0, 1.0])) == 0.25  # 2 of 8: three seeds never reach 5 %
    assert permute_signs(np.array([])) is None


def test_permutation_of_many_pairs_is_sampled_and_never_0():
    change = np.random.default_rng(0).normal(0.0, 1.0, 400)
    assert 0.05 < permute_signs(change) < 1
    assert permute_signs(change + 2) == pytest.approx(1 / 10001)
    assert permute_signs(np.zeros(400)) == 1.0


def test_t_is_scipys():
    change = np.array([0.5, 0.8, -0.1, 0.4, 0.9])
    assert compare_t(change) == pytest.approx(ttest_1samp(change, 0).pvalue)
    assert compare_t(np.array([1.0])) is None
    assert compare_t(np.array([1.0, 1.0])) is None
    # Equal but for rounding, which would be a p of 5e-31.
    assert compare_t(np.array([1.2, 2.2, 3.4]) - np.array([1.1, 2.1, 3.3])) is None


def test_spread_over_seeds_is_that_of_a_sample():
    # Two values that differ by 2 have a sample deviation of the root of 2; a seed without a value is in neither.
    assert average_seeds([60.0, None, 62.0]) == {"mean": 61.0, "sd": 1.4142, "by_seed": [60.0, None, 62.0]}
    assert average_seeds([60.0]) == {"mean": 60.0, "sd": None, "by_seed": [60.0]}
    assert average_seeds([None]) is None


def test_students_interval_is_scipys_and_needs_two_values():
    values = np.random.default_rng(3).normal(2, 1, 6)
    expected = ttest_1samp(values, 0).confidence_interval(0.9)
    assert interval_t(values, 0.9) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert interval_t(np.array([1.0, 3.0]))[1] == pytest.approx(2 + 12.7062, abs=1e-3)
    assert interval_t(np.array([1.0])) is None
