"""Rank correlations and the area under the ROC curve, against their definitions pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from eval.rank_statistics import compute_auc, compute_rho, compute_tau, rank
from tests.eval.oracle import kendall_tau, spearman_rho


@settings(max_examples=50, deadline=None)
@given(arrays(float, st.integers(1, 9), elements=st.integers(0, 5).map(float) | st.just(np.nan)))
def test_ranks_are_those_of_scipy(values):
    assert rank(values).tolist() == pytest.approx(rankdata(values).tolist(), abs=0, nan_ok=True)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 8).flatmap(lambda rows: arrays(float, (rows, 4), elements=st.integers(0, 4).map(float))))
def test_correlations_are_those_of_the_definitions(table):
    """Whole numbers from 0 to 4 make ties common. If one side is constant, there is no correlation."""
    values, columns = table[:, 0], table[:, 1:]
    for column, tau, rho in zip(columns.T, compute_tau(values, columns), compute_rho(values, columns), strict=True):
        if np.ptp(values) == 0 or np.ptp(column) == 0:
            assert np.isnan(tau) and np.isnan(rho)
        else:
            assert tau == pytest.approx(kendall_tau(values, column))
            assert rho == pytest.approx(spearman_rho(values, column))


def test_a_single_row_has_no_correlation():
    assert np.isnan(compute_rho(np.ones(1), np.ones((1, 2)))).all()
    assert np.isnan(compute_tau(np.ones(1), np.ones((1, 2)))).all()


def test_area_under_the_curve_counts_equal_values_half():
    values = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, 1.0]])
    labels = np.array([True, True, False, False])
    # 3 > 2, 3 > 1, 1 < 2, 1 = 1.
    assert compute_auc(values, labels).tolist() == [2.5 / 4, 0.5]


@settings(max_examples=50, deadline=None)
@given(arrays(float, (9, 2), elements=st.integers(0, 5).map(float)), st.integers(1, 8))
def test_area_is_the_share_of_pairs(values, positives):
    labels = np.arange(9) < positives
    pairs = [(a > b) + 0.5 * (a == b) for a in values[labels] for b in values[~labels]]
    assert compute_auc(values, labels) == pytest.approx(np.mean(pairs, axis=0))
