"""Knapsack F1 against exhaustive search."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eval.tvsum.summary_f1 import compute_f1, fill_knapsack, raise_to_zero, score_summary, summarise_clips


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=7), st.integers(0, 12))
def test_knapsack_is_exact(items, capacity):
    values, weights = np.array([v for v, _ in items], float), np.array([w for _, w in items], int)
    chosen = fill_knapsack(values, weights, capacity)
    assert weights[chosen].sum() <= capacity
    fits = [
        sum(v for v, take in zip(values, choice, strict=True) if take)
        for choice in product([False, True], repeat=len(items))
        if sum(w for w, take in zip(weights, choice, strict=True) if take) <= capacity
        and not any(take and not w for w, take in zip(weights, choice, strict=True))
    ]
    assert values[chosen].sum() == max(fits)


def test_summary_takes_the_best_segments_within_15_percent():
    scores = np.zeros(40)
    scores[10:14], scores[20:23] = 0.9, 1.0
    segment = np.repeat(np.arange(10), [10, 4, 6, 3, 3, 3, 3, 3, 3, 2])
    # 6 of 40 clips: the segment of three, not the one of four, next to which nothing of value fits.
    assert np.flatnonzero(summarise_clips(scores, segment)).tolist() == [20, 21, 22]
    assert score_summary(scores, np.tile(scores[:, None], 3), segment) == 1.0
    # Clips in no segment are never chosen.
    assert not summarise_clips(scores, np.where(segment == 3, -1, segment))[20:23].any()


@settings(max_examples=200, deadline=None)
@given(arrays(float, (20, 3), elements=st.integers(1, 5).map(float)), st.lists(st.integers(1, 3), min_size=20))
def test_an_annotator_has_1_against_itself(labels, lengths):
    """Also when the scores are not on the whole scale of 1 to 5: nobody has to use it in every video."""
    segment = np.repeat(np.arange(len(lengths)), lengths)[:20]
    for column in labels.T:
        assert score_summary(column, column[:, None], segment) == 1.0
        # The scale does not matter, only where 0 is.
        assert score_summary(4 * column, column[:, None], segment) == 1.0


def test_scores_below_0_are_raised_and_others_taken_as_they_are():
    scores = np.array([-3.0, -2.0, -1.0])
    assert raise_to_zero(scores).tolist() == [0.0, 1.0, 2.0]
    assert raise_to_zero(-scores).tolist() == [3.0, 2.0, 1.0]
    assert raise_to_zero(np.full(3, -2.0)).tolist() == [1.0, 1.0, 1.0]
    # 2 of 14 clips: two segments of one clip with 2 points each, and not one of two clips with 3.5 points.
    labels, segment = np.full(14, 1.0), np.array([0, 0, 1, 2, *[3] * 10])
    labels[:2], labels[2:4] = 3.5, 2.0
    assert np.flatnonzero(summarise_clips(raise_to_zero(labels), segment)).tolist() == [2, 3]
    assert np.flatnonzero(summarise_clips(raise_to_zero(labels - 1.5), segment)).tolist() == [0, 1]


def test_f1():
    one, other = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 1], bool)
    assert compute_f1(one, other) == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))
    assert compute_f1(one, ~one) == 0.0
