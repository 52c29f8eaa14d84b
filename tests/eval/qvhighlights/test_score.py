"""The whole evaluation of rows: official numbers, parts, values per query, and missing labels."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cli import UserError
from eval.qvhighlights.chance import predict_at_random
from eval.qvhighlights.queries import read_queries
from eval.qvhighlights.score import METRICS, evaluate, score_each, score_parts
from formats.rows import read_rows
from tests.eval.oracle import highlight_scores, label_matrix, moment_scores


def test_equals_the_official_evaluation(published):
    folder = published / "qvhighlights"
    predictions = read_rows(folder / "sample_val_preds.jsonl")
    truth = read_rows(folder / "highlight_val_release.jsonl")
    expected = json.loads((folder / "sample_val_preds_metrics.json").read_text())
    result = evaluate(predictions, truth)
    assert result == expected
    assert list(result) == list(expected)
    assert list(result["brief"]) == list(expected["brief"])
    assert sorted(METRICS) == sorted(expected["brief"])


def test_test_split_is_scored_like_val(published):
    """Its labels were published when the server closed. Without an official result, the oracle checks it."""
    truth = read_rows(published / "qvhighlights" / "highlight_test_with_gt.jsonl")
    unlabelled = read_rows(published / "qvhighlights" / "highlight_test_release.jsonl")
    assert {row["qid"] for row in truth} == {row["qid"] for row in unlabelled}
    predictions = predict_at_random(unlabelled, 0)
    result = evaluate(predictions, truth)
    moments = moment_scores(
        [row["pred_relevant_windows"] for row in predictions], [row["relevant_windows"] for row in truth]
    )
    highlights = highlight_scores(
        [row["pred_saliency_scores"] for row in predictions], [label_matrix(row) for row in truth]
    )
    for name, part in {**moments, **highlights}.items():
        for metric, value in part.items():
            expected = {key: 100 * number for key, number in value.items()} if isinstance(value, dict) else 100 * value
            assert result[name][metric] == pytest.approx(expected, abs=0.00501), (name, metric)
    with pytest.raises(UserError, match="nothing to score"):
        evaluate(predictions, unlabelled)


def test_order_of_rows_does_not_matter(queries):
    predictions, truth = queries(12)
    assert evaluate(predictions[::-1], truth) == evaluate(predictions, truth[::-1]) == evaluate(predictions, truth)


def test_labels_without_saliency_give_moments_alone(queries):
    predictions, truth = queries(5)
    for row in truth:
        del row["saliency_scores"], row["relevant_clip_ids"]
    result = evaluate(predictions, truth)
    assert set(result) == {"brief", "full", "long", "middle", "short"}
    assert len(result["brief"]) == 8


def test_labels_without_windows_give_highlights_alone(queries):
    predictions, truth = queries(5)
    for row in truth:
        row["relevant_windows"] = None
    result = evaluate(predictions, truth)
    assert set(result) == {"brief", "HL-min-Fair", "HL-min-Good", "HL-min-VeryGood"}


def test_predictions_without_saliency_give_moments_alone(queries):
    predictions, truth = queries(5)
    for row in predictions:
        del row["pred_saliency_scores"]
    assert "HL-min-Fair" not in evaluate(predictions, truth)


def test_query_without_relevant_windows_is_left_out_of_the_moments(queries):
    predictions, truth = queries(6)
    truth[0]["relevant_windows"] = []
    assert evaluate(predictions, truth)["full"] == evaluate(predictions[1:], truth[1:])["full"]


def test_a_range_without_windows_is_none_and_not_nan(queries):
    predictions, truth = queries(1)
    truth[0]["relevant_windows"] = [[0, 12]]
    result = evaluate(predictions, truth)
    assert result["brief"]["MR-short-mAP"] is None
    assert result["brief"]["MR-middle-mAP"] == result["brief"]["MR-full-mAP"]
    json.dumps(result, allow_nan=False)


def test_nothing_to_score_is_an_error(queries):
    predictions, _ = queries(1)
    with pytest.raises(UserError, match="nothing to score"):
        evaluate(predictions, [{"qid": 0, "duration": 10}])


def test_parts_equal_the_evaluation_of_their_queries(queries):
    predictions, truth = queries(20)
    chosen = [1, 4, 7, 19]
    parts = score_parts(read_queries(predictions, truth), {"some": chosen, "all": range(20)})
    alone = evaluate([predictions[index] for index in chosen], [truth[index] for index in chosen])
    assert parts["some"] == {"queries": 4, **alone["brief"]}
    assert parts["all"] == {"queries": 20, **evaluate(predictions, truth)["brief"]}


def test_mean_of_each_query_is_the_metric(queries):
    predictions, truth = queries(30)
    truth[3]["relevant_windows"] = []
    del truth[4]["saliency_scores"]
    brief = evaluate(predictions, truth)["brief"]
    each = score_each(read_queries(predictions, truth))
    assert list(each) == list(brief)
    for key, values in each.items():
        assert values.shape == (30,)
        assert np.nanmean(values) == pytest.approx(brief[key], abs=0.00501)
    assert np.isnan([each["MR-full-mAP"][3], each["HL-min-Fair-Hit1"][4]]).all()
    assert not np.isnan([each["MR-full-mAP"][4], each["HL-min-Fair-Hit1"][3]]).any()
