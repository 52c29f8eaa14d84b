"""What the page is told of one query."""

from __future__ import annotations

import numpy as np
import pytest

from cli import UserError
from eval.explorer.answers import Answers
from eval.explorer.curves import unpack
from eval.explorer.query_data import describe_query
from formats.gate_log import GateSample

ROW = {"qid": 1, "query": "q", "vid": "v", "duration": 10}


def answer(**keys: object) -> Answers:
    return Answers("base", "base", "", {1: {"qid": 1, **keys}})


def test_moments_are_best_first_and_at_most_ten() -> None:
    windows = [[0, 2, 0.1], *[[2, 4, 0.5]] * 11]
    (described,) = describe_query(ROW, [answer(pred_relevant_windows=windows)], None, None, "q")["answers"]
    assert [score for *_, score in described["windows"]] == [0.5] * 10


def test_a_query_may_have_no_prediction_and_no_labels() -> None:
    described = describe_query(ROW, [Answers("base", "base", "", {})], None, None, "q")
    assert described["answers"] == [None] and described["labels"] is None and described["seconds"] == 10.0


def test_labels_of_qvhighlights_are_0_outside_the_relevant_clips() -> None:
    row = {**ROW, "relevant_clip_ids": [1, 2], "saliency_scores": [[4, 2], [0, 2]], "relevant_windows": [[2, 6]]}
    labels = describe_query(row, [], None, None, "q")["labels"]
    assert unpack(labels["mean"]) == pytest.approx([0, 3, 1, 0, 0], abs=2e-3)
    assert unpack(labels["low"]) == pytest.approx([0, 2, 0, 0, 0], abs=2e-3) and labels["annotators"] == 2


def test_ratings_of_tvsum_are_labels() -> None:
    labels = describe_query({**ROW, "label": [[1, 5], [3, 3]]}, [], None, None, "q")["labels"]
    assert unpack(labels["high"]) == pytest.approx([5, 3], abs=2e-3) and labels["most"] == 5


def test_of_many_annotators_the_middle_half_is_the_range() -> None:
    labels = describe_query({**ROW, "label": [[1, 1, 2, 3, 4, 5, 5, 5, 5]] * 2}, [], None, None, "q")["labels"]
    assert (labels["low"][0], labels["high"][0]) == (2.0, 5.0) and labels["annotators"] == 9


def test_a_gate_that_is_shut_for_lack_of_sound_is_a_gap() -> None:
    times = np.array([[0, 1.5], [1.5, 3.0]])
    gates = {"mha": np.array([[0.0, 0.5]]), "ffn": np.array([[0.25]])}
    mask = np.array([False, True])
    sample = GateSample(1, "v", gates, {}, times, mask, True, None, np.array([np.nan, -20.0]), None, {})
    one = Answers("base", "base", "", {1: {"qid": 1, "pred_saliency_scores": [1, 2]}}, {1: sample})
    described = describe_query(ROW, [one], None, None, "q")
    gates = {kind: unpack([low, high, rows[0]]) for kind, (low, high, rows) in described["answers"][0]["gates"].items()}
    assert np.isnan(gates["mha"]).tolist() == [True, False]
    assert gates["ffn"].tolist() == [0.25]  # global: one value
    assert described["clip"] == 1.5 and described["seconds"] == 3.0
    assert np.isnan(unpack(described["level"])).tolist() == [True, False]


def test_levels_of_a_store_are_shown_where_no_log_has_any() -> None:
    described = describe_query(ROW, [answer(pred_saliency_scores=[1, 2])], None, np.array([-30.0, -10.0]), "q")
    assert unpack(described["level"]).tolist() == [-30.0, -10.0]


def test_malformed_predictions_name_their_run() -> None:
    with pytest.raises(UserError, match="predictions of base: qid 1: pred_saliency_scores"):
        describe_query(ROW, [answer(pred_saliency_scores=["x"])], None, None, "q")
