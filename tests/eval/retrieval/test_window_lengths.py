"""Confusion of window lengths: by hand, and sums that must hold."""

from __future__ import annotations

import numpy as np

from eval.retrieval.matches import match_moments
from eval.retrieval.window_lengths import classify, count_window_lengths
from tests.eval.retrieval.answers import answer, answer_at_random


def test_classes_include_their_upper_ends() -> None:
    assert classify(np.array([0, 2, 10, 10.1, 30, 30.1, 150, 3600])).tolist() == [0, 0, 0, 1, 1, 2, 2, 2]


def test_a_table_by_hand() -> None:
    queries = answer(
        ([[0, 8], [20, 60]], [[20, 40, 0.9], [100, 104, 0.8], [0, 8, 0.1]]),  # the third window does not count
        ([[0, 20]], [[0, 4, 0.9]]),
        ([[0, 20]], []),
    )
    table = count_window_lengths(match_moments([queries]))
    assert table.tolist() == [
        [0, 0, 0, 1],  # 8 s: missed
        [1, 0, 0, 1],  # 20 s: answered by 4 s, and missed
        [0, 1, 0, 0],  # 40 s: answered by 20 s
        [1, 0, 0, 0],  # 4 s at 100 s, where there is nothing
    ]


def test_every_moment_and_every_window_that_counts_is_in_the_table() -> None:
    matches = match_moments([answer_at_random(40, seed) for seed in range(3)])
    table = count_window_lengths(matches)
    assert table[:3].sum() == matches.relevant.sum()
    assert table[:, :3].sum() == np.minimum(matches.relevant, matches.listed.sum(1)).sum()
    assert table[3, 3] == 0
