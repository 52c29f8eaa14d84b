"""Chance and the best order found, against all orders of a few clips."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from eval.tvsum.bounds import draw_scores, expect_by_chance, find_bounds, search_best
from eval.tvsum.precision import score_ranking


def test_chance_is_the_mean_over_all_orders():
    positive = np.random.default_rng(0).random((6, 3)) < 0.4
    every = [score_ranking(np.array(order), positive) for order in permutations(range(6))]
    assert expect_by_chance(positive) == pytest.approx(np.mean(every))
    assert draw_scores(positive, np.random.default_rng(0)).mean() == pytest.approx(np.mean(every), abs=0.02)
    assert max(every) == pytest.approx(search_best(positive))


@pytest.mark.parametrize("clips", [1, 3, 5])
def test_short_videos_have_bounds(clips):
    labels = np.random.default_rng(0).integers(1, 6, (clips, 4)).astype(float)
    bounds = find_bounds(labels, 0, "v")
    assert 0 <= bounds.chance <= bounds.ceiling <= 1
