"""The same predictions on two sets of labels."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.qvhighlights.evaluation import evaluate_files
from eval.qvhighlights.score import evaluate
from formats.rows import write_rows


def test_queries_with_second_labels_are_scored_on_both(queries, tmp_path):
    predictions, truth = queries(12)
    second = [
        {"qid": row["qid"], "duration": row["duration"], "relevant_windows": [row["relevant_windows"][0]]}
        for row in truth[3:9]
    ]
    second.append({"qid": 777, "duration": 10, "relevant_windows": [[0, 2]]})  # reworded: nothing was predicted
    write_rows(tmp_path / "p.jsonl", predictions)
    write_rows(tmp_path / "g.jsonl", truth)
    write_rows(tmp_path / "timelens.jsonl", second)
    paths = tmp_path / "p.jsonl", tmp_path / "g.jsonl"
    evaluation = evaluate_files(*paths, relabelled=[tmp_path / "timelens.jsonl"])
    both = evaluation.metrics["relabelled"]["timelens"]
    assert (both["queries"], both["of"]) == (6, 12)
    on_second = evaluate(predictions[3:9], second[:6])["brief"]
    on_first = evaluate(predictions[3:9], truth[3:9])["brief"]
    assert both["second"].items() >= on_second.items()
    assert both["first"].items() >= {key: on_first[key] for key in on_second}.items()
    assert set(both["first"]) == set(both["second"]) == {*on_second, "MR-full-R1@0.3", "MR-full-mIoU"}
    assert both["first"] != both["second"]
    assert evaluation.metrics["brief"] == evaluate_files(*paths).metrics["brief"]


def test_second_labels_about_another_video_are_an_error(queries, tmp_path):
    predictions, truth = queries(2)
    write_rows(tmp_path / "p.jsonl", [{**row, "vid": "a"} for row in predictions])
    write_rows(tmp_path / "g.jsonl", [{**row, "vid": "a"} for row in truth])
    write_rows(tmp_path / "other.jsonl", [{**row, "vid": "b"} for row in truth])
    with pytest.raises(UserError, match=r"other.jsonl: qid \S+: vid is 'b', but 'a' in .*p.jsonl"):
        evaluate_files(tmp_path / "p.jsonl", tmp_path / "g.jsonl", relabelled=[tmp_path / "other.jsonl"])


def test_second_labels_of_other_queries_are_an_error(queries, tmp_path):
    predictions, truth = queries(3)
    write_rows(tmp_path / "p.jsonl", predictions)
    write_rows(tmp_path / "g.jsonl", truth)
    write_rows(tmp_path / "other.jsonl", [{"qid": 777, "duration": 10, "relevant_windows": [[0, 2]]}])
    paths = tmp_path / "p.jsonl", tmp_path / "g.jsonl"
    with pytest.raises(UserError, match=r"other\.jsonl: has labels for none of the queries"):
        evaluate_files(*paths, relabelled=[tmp_path / "other.jsonl"])
    with pytest.raises(UserError, match="the same name: rename one"):
        evaluate_files(*paths, relabelled=[paths[1], paths[1]])
