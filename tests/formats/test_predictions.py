"""Predictions: rows as written, merged and read, paired with ground truth, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cli import UserError
from formats.predictions import (
    Prediction,
    find_unsorted,
    has_saliency,
    has_windows,
    make_prediction,
    match_queries,
    merge_predictions,
    read_predicted_saliency,
    read_predicted_windows,
)


def test_the_row_is_the_official_one_and_rounded() -> None:
    row = make_prediction(1, "q", "v", [0.12345678, -2.0], [[0.0, 1.23456, 0.99999]]).to_row()
    assert list(row) == ["qid", "query", "vid", "pred_relevant_windows", "pred_saliency_scores"]
    assert row["pred_relevant_windows"] == [[0.0, 1.2346, 1.0]]
    assert row["pred_saliency_scores"] == [0.123457, -2.0]
    assert read_predicted_windows(row, "p").tolist() == [[0.0, 1.2346, 1.0]]
    assert read_predicted_saliency(row, "p").tolist() == [0.123457, -2.0]
    assert has_windows(row) and has_saliency(row)
    saliency_alone = make_prediction("a", "q", "v", [1.0], None).to_row()
    assert not has_windows(saliency_alone) and has_saliency(saliency_alone)
    assert has_windows(make_prediction("a", "q", "v", [1.0], []).to_row())


def test_rounding_twice_changes_nothing() -> None:
    """What is merged and finished is rounded again."""
    random = np.random.default_rng(0)
    once = make_prediction(1, "q", "v", random.normal(size=2000).tolist(), random.uniform(0, 150, (500, 3)).tolist())
    assert make_prediction(1, "q", "v", once.saliency, once.windows) == once


def test_merged_scores_and_times_are_those_of_the_video() -> None:
    first = Prediction(1, "q", "v", [1.0, 2.0, 3.0], [[0, 4, 0.5]])
    second = Prediction(1, "q", "v", [5.0, 4.0, -1.0], [[2, 6, 0.75]])
    # Clips 0 to 2 and 2 to 4; clip 5 lies in no span.
    merged = merge_predictions([((0, 3), first), ((2, 5), second)], 6, 2.0)
    assert (merged.qid, merged.query, merged.vid) == (1, "q", "v")
    assert merged.windows == [[0, 4, 0.5], [6, 10, 0.75]]
    np.testing.assert_array_equal(merged.saliency, [1.0, 2.0, 4.0, 4.0, -1.0, np.nan])
    alone = Prediction(1, "q", "v", [1.0], None)
    assert merge_predictions([((0, 1), alone)], 1, 2.0) == alone


def test_pairs_are_of_the_same_queries_in_the_order_of_the_predictions() -> None:
    truth: list[dict[str, Any]] = [{"qid": 1}, {"qid": 2}]
    predicted: list[dict[str, Any]] = [{"qid": 2, "x": 0}, {"qid": 1}]
    assert match_queries(predicted, truth, ("p", "g")) == [(predicted[0], truth[1]), (predicted[1], truth[0])]
    assert match_queries(predicted[:1], truth, ("p", "g"), covered_only=True) == [(predicted[0], truth[1])]
    with pytest.raises(UserError, match=r"^p: 1 of 2 queries are missing, first qid 1: .* with --covered-only$"):
        match_queries(predicted[:1], truth, ("p", "g"))
    for covered_only in (False, True):
        with pytest.raises(UserError, match=r"^p: 1 queries are not in g, first qid 3$"):
            match_queries([*predicted, {"qid": 3}], truth, ("p", "g"), covered_only)
    with pytest.raises(UserError, match=r"^p: no queries$"):
        match_queries([], truth, ("p", "g"), covered_only=True)


def test_a_prediction_about_another_video_is_an_error() -> None:
    truth = [{"qid": 1, "vid": "a"}, {"qid": 2}]
    for fits in ({"qid": 1, "vid": "a"}, {"qid": 1}, {"qid": 1, "vid": None}):
        assert len(match_queries([fits, {"qid": 2, "vid": "b"}], truth, ("p", "g"))) == 2
    with pytest.raises(UserError, match=r"^p: qid 1: vid is 'b', but 'a' in g$"):
        match_queries([{"qid": 1, "vid": "b"}, {"qid": 2}], truth, ("p", "g"))


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (None, "must be n x 3 numbers, got None"),
        ([[4, 8]], "must be n x 3 numbers"),
        ([[8, 4, 1.0]], r"a window ends before it starts: \[8, 4\]"),
        ([[0, 2, 0.1], [4, 8, 0.9]], r"unsorted: score 0\.1 comes before 0\.9"),
    ],
)
def test_malformed_windows_are_named(windows: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^p: qid 7: pred_relevant_windows: {message}"):
        read_predicted_windows({"qid": 7, "pred_relevant_windows": windows}, "p")


def test_order_counts_among_the_first_ten_unless_taken_as_listed() -> None:
    assert len(read_predicted_windows({"qid": 7, "pred_relevant_windows": []}, "p")) == 0
    flat = {"qid": 7, "pred_relevant_windows": [[4, 4, 0.5]]}
    assert read_predicted_windows(flat, "p").tolist() == [[4, 4, 0.5]]
    unsorted = {"qid": 7, "pred_relevant_windows": [[0, 2, 0.1], [4, 8, 0.9]]}
    assert find_unsorted(read_predicted_windows(unsorted, "p", as_listed=True)).tolist() == [0]
    beyond = {"qid": 7, "pred_relevant_windows": [[0, 2, 0.5]] * 10 + [[0, 2, 0.9]]}
    assert len(read_predicted_windows(beyond, "p")) == 11


@pytest.mark.parametrize(
    ("scores", "message"), [([], "empty"), (None, "must be n numbers, got None"), ([0.5, float("inf")], "holds NaN or")]
)
def test_malformed_saliency_is_named(scores: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^p: qid 7: pred_saliency_scores: {message}"):
        read_predicted_saliency({"qid": 7, "pred_saliency_scores": scores}, "p")


def test_predictions_for_queries_of_another_text_are_named(caplog: pytest.LogCaptureFixture) -> None:
    """Two files of annotations may number their queries alike, and ask about the same videos."""
    truth: list[dict[str, Any]] = [{"qid": qid, "vid": "v", "query": f"Query {qid}."} for qid in (1, 2, 3)]
    same: list[dict[str, Any]] = [{"qid": 1, "query": "query  1"}, {"qid": 2}, {"qid": 3, "query": None}]
    match_queries(same, truth, ("p", "g"))
    assert not caplog.records
    match_queries([*same[:1], {"qid": 2, "query": "a dog"}, {"qid": 3, "query": "a cat"}], truth, ("p", "g"))
    assert caplog.messages == [
        "note: p: made for other queries? The text of 2 differs from that in g, first qid 2: 'a dog', there 'Query 2.'"
    ]
