"""Random predictions: reproducible, inside the video, on the grid, and as bad as chance."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.qvhighlights.chance import predict_at_random
from eval.qvhighlights.score import evaluate


def test_same_seed_same_rows_whatever_else_is_in_the_file(queries):
    _, truth = queries(6)
    assert predict_at_random(truth, 3) == predict_at_random(truth, 3)
    assert predict_at_random(truth[4:], 3) == predict_at_random(truth, 3)[4:]
    assert predict_at_random(truth, 4) != predict_at_random(truth, 3)


def test_windows_lie_on_the_grid_within_the_video(queries):
    _, truth = queries(40)
    truth[0]["duration"] = 2  # a single clip leaves no choice
    truth[0] |= {"relevant_windows": [[0, 2]], "relevant_clip_ids": [0], "saliency_scores": [[4, 4, 4]]}
    rows = predict_at_random(truth, 0)
    for row, labels in zip(rows, truth, strict=True):
        assert len(row["pred_relevant_windows"]) == 10
        assert len(row["pred_saliency_scores"]) == labels["duration"] // 2
        scores = [score for _, _, score in row["pred_relevant_windows"]]
        assert scores == sorted(scores, reverse=True)
        for start, end, _ in row["pred_relevant_windows"]:
            assert 0 <= start < end <= labels["duration"] and start % 2 == end % 2 == 0
    assert evaluate(rows, truth)["brief"]["MR-full-R1@0.5"] < 50


@pytest.mark.parametrize("key", ["query", "vid"])
def test_what_is_no_text_is_not_written(queries, key):
    _, truth = queries(3)
    truth[1][key] = float("inf")
    with pytest.raises(UserError, match=rf"ground truth: qid 1: {key} must be text, got inf"):
        predict_at_random(truth, 0)
    truth[1][key] = None
    assert predict_at_random(truth, 0)[1][key] == ""
