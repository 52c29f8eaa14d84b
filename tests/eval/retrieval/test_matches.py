"""Windows matched with labels: by hand, and the same hits as those of the official AP."""

from __future__ import annotations

import numpy as np
import pytest

from cli import UserError
from eval.qvhighlights.queries import read_queries
from eval.retrieval.matches import THRESHOLDS, match_moments
from tests.eval.retrieval.answers import answer, answer_at_random


def test_each_label_is_taken_once_and_the_best_score_comes_first() -> None:
    queries = answer(
        ([[0, 10], [20, 30]], [[0, 10, 0.9], [0, 9, 0.8], [22, 32, 0.7]]),
        ([[0, 8]], [[40, 50, 0.5], [0, 8, 0.4]]),
        ([[0, 40]], []),
    )
    found = match_moments([queries])
    assert found.relevant.tolist() == [2, 1, 1] and THRESHOLDS == (0.5, 0.75)
    # IoU of the first query: 1; 0.9 of a label that is taken; 8 of 12.
    assert found.right[0, :, :3].tolist() == [[True, False, True], [True, False, False]]
    assert found.right[1, :, :2].tolist() == [[False, True], [False, True]]
    assert not found.right[2].any() and not found.listed[2].any()
    assert found.listed.sum(1).tolist() == [3, 2, 0]
    np.testing.assert_array_equal(found.lengths[0, :3], [10, 9, 10])
    # The first query has two moments, so only its two best windows can take one: its second moment is missed.
    np.testing.assert_array_equal(found.overlapped[0, :3], [10, np.nan, np.nan])
    np.testing.assert_array_equal(found.overlapped[1, :2], [np.nan, np.nan])
    assert sorted(found.missed.tolist()) == [8, 10, 40]


def test_windows_that_are_not_listed_in_order_are_ranked() -> None:
    truth = [{"qid": 1, "relevant_windows": [[0, 10]]}]
    predicted = [{"qid": 1, "pred_relevant_windows": [[50, 60, 0.1], [0, 10, 0.9]]}]
    found = match_moments([read_queries(predicted, truth, as_listed=True)])
    assert found.scores[0, :2].tolist() == [0.9, 0.1] and found.right[0, 0, :2].tolist() == [True, False]


def test_answers_of_several_seeds_are_joined() -> None:
    parts = [answer_at_random(7, seed) for seed in range(3)]
    whole = match_moments(parts)
    for name in ("scores", "lengths", "right", "relevant", "overlapped"):
        np.testing.assert_array_equal(
            getattr(whole, name), np.concatenate([getattr(match_moments([part]), name) for part in parts])
        )
    assert len(whole.missed) == sum(len(match_moments([part]).missed) for part in parts)


def test_queries_without_moments_cannot_be_matched() -> None:
    truth = [{"qid": 1, "relevant_clip_ids": [0], "saliency_scores": [[1, 2, 3]], "duration": 4}]
    queries = read_queries([{"qid": 1, "pred_saliency_scores": [0.1, 0.2]}], truth)
    with pytest.raises(UserError, match=r"p\.jsonl: no query has both predicted and relevant windows"):
        match_moments([queries], "p.jsonl")
