"""The published average precision against a slow second implementation, and its edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eval.tvsum.precision import compute_trapezoid_ap, find_positives, rank_clips, score_ranking
from tests.eval.oracle import tvsum_score


@st.composite
def ranked(draw):
    clips, annotators = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    labels = draw(arrays(float, (clips, annotators), elements=st.integers(1, 5).map(float)))
    return draw(arrays(float, clips, elements=st.integers(-2, 3).map(float))), labels


@settings(max_examples=200, deadline=None)
@given(ranked())
def test_equals_the_oracle(case):
    scores, labels = case
    found = score_ranking(rank_clips(scores), find_positives(labels))
    assert found == pytest.approx(tvsum_score(scores.tolist(), labels.tolist()))


def test_an_early_hit_alone_is_nearly_enough():
    # One hit at rank 1: all recall at precision 1. At rank 2: recall 1 between the precisions 0 and 1/2.
    hits = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=bool)
    assert compute_trapezoid_ap(hits).tolist() == [1.0, 0.25, 0.0]


def test_median_is_the_lower_one_and_positives_are_above_it():
    assert find_positives(np.array([[1.0], [2.0], [3.0], [3.0]])).ravel().tolist() == [False, False, True, True]
    assert not find_positives(np.ones((4, 2))).any()
