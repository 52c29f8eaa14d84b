"""Rows of predictions with their labels: pairs, coverage, order, and odd input that is scored."""

from __future__ import annotations

import numpy as np
import pytest

from cli import UserError
from eval.qvhighlights.queries import find_oddities, read_queries
from eval.qvhighlights.score import evaluate, score_queries
from tests.eval.oracle import moment_scores


def test_queries_without_predictions_are_left_out_on_request(queries):
    predictions, truth = queries(9)
    with pytest.raises(UserError, match="2 of 9 queries are missing, first qid 0"):
        read_queries(predictions[2:], truth)
    part = read_queries(predictions[2:], truth, covered_only=True)
    assert part.qids == list(range(2, 9))
    assert score_queries(part) == evaluate(predictions[2:], truth[2:])
    with pytest.raises(UserError, match="2 queries are not in ground truth, first qid 0"):
        read_queries(predictions, truth[2:], covered_only=True)


def test_unsorted_windows_are_scored_as_listed_on_request(queries):
    """Like the official program: R1 of the first listed window, mAP in order of score."""
    predictions, truth = queries(12)
    for row in predictions:
        row["pred_relevant_windows"].reverse()
    with pytest.raises(UserError, match="unsorted"):
        read_queries(predictions, truth)
    listed = read_queries(predictions, truth, as_listed=True)
    assert "not sorted by score: R1 is that of the first window listed" in find_oddities(listed)[-1]
    result = score_queries(listed)
    expected = moment_scores(
        [row["pred_relevant_windows"] for row in predictions], [row["relevant_windows"] for row in truth]
    )["full"]
    for metric, values in expected.items():
        assert result["full"][metric] == pytest.approx({k: 100 * v for k, v in values.items()}, abs=0.00501)


def test_order_beyond_the_tenth_window_does_not_matter(queries):
    """Neither this project nor the original reads them."""
    predictions, truth = queries(12)
    for row in predictions:
        row["pred_relevant_windows"] += [[0, 2, -0.5], [2, 4, 0.7], [0, 30, 0.9]]
    read = read_queries(predictions, truth)
    assert not any("sorted" in line for line in find_oddities(read))
    result = score_queries(read)
    assert result == evaluate(
        [{**row, "pred_relevant_windows": row["pred_relevant_windows"][:10]} for row in predictions], truth
    )
    expected = moment_scores(
        [row["pred_relevant_windows"] for row in predictions], [row["relevant_windows"] for row in truth]
    )["full"]
    for metric, values in expected.items():
        assert result["full"][metric] == pytest.approx({k: 100 * v for k, v in values.items()}, abs=0.00501)
    predictions[3]["pred_relevant_windows"][9][2] = 7.0
    with pytest.raises(UserError, match=r"qid 3: .* unsorted"):
        read_queries(predictions, truth)


def test_what_is_odd_but_scored_is_said_in_one_line_each(queries):
    predictions, truth = queries(4)
    for row, labels in zip(predictions, truth, strict=True):
        row["pred_saliency_scores"] = [0.5] * (labels["duration"] // 2)
        row["pred_relevant_windows"] = [[0, 2, 1.0]]
    assert find_oddities(read_queries(predictions, truth)) == []
    predictions[1]["pred_saliency_scores"].pop()
    predictions[2]["pred_saliency_scores"].append(1.0)
    predictions[3]["pred_relevant_windows"] = []
    predictions[0]["pred_relevant_windows"] = [[4, 4, 1.0]]
    lines = find_oddities(read_queries(predictions, truth), "p.jsonl")
    kinds = (
        "fewer saliency scores than clips:",
        "more saliency scores than clips:",
        "no predicted window:",
        "windows of zero length,",
    )
    for line, kind in zip(lines, kinds, strict=True):
        assert line.startswith(f"p.jsonl: 1 of 4 queries: {kind}")
    assert all("\n" not in line for line in lines)


def test_a_float32_is_never_too_large(queries):
    """Models fill masked clips with the lowest 32-bit number."""
    predictions, truth = queries(5)
    least = float(np.finfo(np.float32).min)
    predictions[2]["pred_saliency_scores"] = [least] * (truth[2]["duration"] // 2 - 1) + [1.0]
    assert evaluate(predictions, truth)


def change(rows, **values):
    rows[2].update(values)


FAULTS = {
    "missing": (lambda p, t: p.pop(), r"predictions: 1 of 5 queries are missing, first qid 4"),
    "extra": (lambda p, t: t.pop(), r"predictions: 1 queries are not in ground truth, first qid 4"),
    "twice": (lambda p, t: p.append(p[0]), r"predictions: qid 0: occurs twice"),
    "twice in truth": (lambda p, t: t.append(t[0]), r"ground truth: qid 0: occurs twice"),
    "no qid": (lambda p, t: p[2].pop("qid"), r"predictions: row 3: qid must be"),
    "nan score": (lambda p, t: change(p, pred_relevant_windows=[[0, 2, float("nan")]]), r"qid 2: .* NaN"),
    "null score": (lambda p, t: change(p, pred_saliency_scores=[0.5, None]), r"qid 2: pred_saliency_scores: must be"),
    "nan saliency": (lambda p, t: change(p, pred_saliency_scores=[float("nan")]), r"qid 2: .* NaN"),
    "no saliency": (lambda p, t: change(p, pred_saliency_scores=[]), r"qid 2: pred_saliency_scores: empty"),
    "reversed": (
        lambda p, t: change(p, pred_relevant_windows=[[8, 4, 1.0]]),
        r"qid 2: .* ends before it starts: \[8, 4\]",
    ),
    "two numbers": (lambda p, t: change(p, pred_relevant_windows=[[4, 8]]), r"qid 2: .* must be n x 3 numbers"),
    "ragged": (lambda p, t: change(p, pred_relevant_windows=[[4, 8, 1], [4]]), r"qid 2: .* different lengths"),
    "unsorted": (
        lambda p, t: change(p, pred_relevant_windows=[[0, 2, 0.1], [4, 8, 0.9]]),
        r"qid 2: .* unsorted: score 0\.1 comes before 0\.9",
    ),
    "infinite": (lambda p, t: change(p, pred_saliency_scores=[float("inf")]), r"qid 2: .* infinity"),
    "nan label": (
        lambda p, t: change(t, relevant_clip_ids=[1], saliency_scores=[[1, 2, float("nan")]]),
        r"ground truth: qid 2: saliency_scores: holds NaN",
    ),
    "half a clip": (lambda p, t: change(t, relevant_clip_ids=[1.5], saliency_scores=[[1] * 3]), r"whole numbers"),
    "text": (lambda p, t: change(p, pred_relevant_windows=[["4", "8", "1"]]), r"qid 2: .* must be n x 3 numbers"),
    "one lacks windows": (lambda p, t: p[2].pop("pred_relevant_windows"), r"qid 2: pred_relevant_windows: must be"),
    "empty truth": (lambda p, t: change(t, relevant_windows=[[4, 4]]), r"ground truth: qid 2: .* does not end after"),
    "clip outside": (lambda p, t: change(t, relevant_clip_ids=[99], saliency_scores=[[1, 1, 1]]), r"qid 2: .* outside"),
    "unequal labels": (lambda p, t: change(t, relevant_clip_ids=[1]), r"qid 2: 1 relevant_clip_ids but"),
    "no duration": (lambda p, t: t[2].pop("duration"), r"qid 2: duration must be seconds"),
    "annotators": (lambda p, t: change(t, relevant_clip_ids=[1], saliency_scores=[[1, 2]]), r"qid 2: has 2 annotators"),
    "not lists": (lambda p, t: change(t, relevant_clip_ids=1), r"qid 2: .* must be lists"),
    **{
        f"windows {value!r}": (
            lambda p, t, value=value: change(t, relevant_windows=value),
            r"ground truth: qid 2: relevant_windows: must be n x 2 numbers",
        )
        for value in (0, "", {}, False)
    },
    "five points": (
        lambda p, t: change(t, relevant_clip_ids=[1], saliency_scores=[[1, 5, 1]]),
        r"ground truth: qid 2: saliency_scores: points must be 0 to 4",
    ),
    "negative points": (
        lambda p, t: change(t, relevant_clip_ids=[1], saliency_scores=[[1, -1, 1]]),
        r"saliency_scores: points must be 0 to 4",
    ),
    "no annotator": (
        lambda p, t: change(t, relevant_clip_ids=[1], saliency_scores=[[]]),
        r"must have at least one annotator",
    ),
    "true window": (
        lambda p, t: change(p, pred_relevant_windows=[[True, 2, 0.5]]),
        r"qid 2: pred_relevant_windows: must be n x 3 numbers, holds true or false",
    ),
    "true score": (lambda p, t: change(p, pred_saliency_scores=[0.5, True]), r"qid 2: .* holds true or false"),
    "false points": (
        lambda p, t: change(t, relevant_clip_ids=[1], saliency_scores=[[1, False, 1]]),
        r"qid 2: saliency_scores: .* holds true or false",
    ),
    "huge window": (
        lambda p, t: change(p, pred_relevant_windows=[[-1e308, 1e308, 1.0]]),
        r"qid 2: .* beyond ±3\.4e\+38",
    ),
    "huge truth": (lambda p, t: change(t, relevant_windows=[[-1e308, 1e308]]), r"ground truth: qid 2: .* beyond ±3\.4"),
    "huge clip": (
        lambda p, t: change(t, relevant_clip_ids=[1e30], saliency_scores=[[1, 1, 1]]),
        r"qid 2: relevant_clip_ids must be whole numbers from 0 to",
    ),
    **{
        f"duration {value:.2}": (
            lambda p, t, value=value: change(t, duration=value),
            r"ground truth: qid 2: duration must be seconds, at most 86400, got",
        )
        for value in (1e308, 2e9, -4.0, 0.0, float("nan"), float("inf"))
    },
    "whole duration": (lambda p, t: change(t, duration=10**400), r"qid 2: duration must be seconds, .* got 1000"),
    "vid": (lambda p, t: change(t, vid=["a"]), r"ground truth: qid 2: vid must be text, got \['a'\]"),
    "query": (lambda p, t: change(t, query=float("inf")), r"ground truth: qid 2: query must be text, got inf"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named_in_one_line(queries, fault):
    predictions, truth = queries(5)
    spoil, message = FAULTS[fault]
    spoil(predictions, truth)
    with pytest.raises(UserError, match=message) as problem:
        evaluate(predictions, truth)
    assert "\n" not in str(problem.value)
