"""Comparison of two prediction files: differences, order, and errors."""

from __future__ import annotations

import copy
import json

import pytest

from cli import UserError
from eval.qvhighlights.gains import compare, compare_files, describe_change
from eval.qvhighlights.queries import read_queries
from eval.qvhighlights.score import evaluate


def test_differences_by_query(queries):
    first, truth = queries(30)
    second = copy.deepcopy(first)[::-1]  # the order of a file does not matter
    by_qid = {row["qid"]: row for row in second}
    by_qid[3]["pred_relevant_windows"] = [[*window, 1.0] for window in truth[3]["relevant_windows"]]
    by_qid[5]["pred_relevant_windows"] = [[0, 0, 1.0]]
    truth[7]["relevant_windows"] = []
    result = compare(read_queries(first, truth), read_queries(second, truth), ("a", "b"))
    json.dumps(result, allow_nan=False)
    assert (result["metric"], result["best"], result["worst"]) == ("MR-full-mAP", [3], [5])
    brief = [evaluate(rows, truth)["brief"] for rows in (first, second)]
    for key, part in result["metrics"].items():
        assert [part["first"], part["second"]] == pytest.approx([scores[key] for scores in brief], abs=0.0051)
    part = result["metrics"]["MR-full-mAP"]
    assert (part["queries"], part["better"], part["worse"]) == (29, 1, 1)
    assert part["interval"][0] <= part["difference"] <= part["interval"][1]
    rows = result["queries"]
    assert [rows[0]["qid"], rows[-2]["qid"], rows[-1]["qid"]] == [3, 5, 7]
    assert rows[0]["values"]["MR-full-mAP"][1] == 100.0 and rows[-1]["difference"] is None
    assert rows[0]["query"] == "query 3" and rows[0]["vid"] == "video1"


def test_same_file_has_no_difference(queries):
    found = read_queries(*queries(10))
    result = compare(found, found, ("a", "a"))
    assert result["best"] == result["worst"] == []
    part = result["metrics"]["MR-full-mAP"]
    assert (part["difference"], part["p"], part["interval"]) == (0.0, 1.0, [0.0, 0.0])


def test_another_metric_and_an_unknown_one(queries):
    predictions, truth = queries(5)
    found = read_queries(predictions, truth)
    assert compare(found, found, ("a", "b"), "HL-min-Fair-mAP")["metric"] == "HL-min-Fair-mAP"
    with pytest.raises(UserError, match=r"metric 'mAP' is not in both: choose from MR-full-R1@0\.5"):
        compare(found, found, ("a", "b"), "mAP")
    for row in predictions:
        del row["pred_relevant_windows"]
    alone = read_queries(predictions, truth)
    assert compare(alone, found, ("a", "b"))["metric"] == "HL-min-Fair-mAP"


def test_files_are_compared_by_their_paths_or_names(queries, write):
    predictions, truth = queries(4)
    best = copy.deepcopy(predictions)
    best[1]["pred_relevant_windows"] = [[*window, 1.0] for window in truth[1]["relevant_windows"]]
    paths = write("a.jsonl", predictions), write("b.jsonl", best), write("g.jsonl", truth)
    result = compare_files(*paths)
    assert result["names"] == [str(paths[0]), str(paths[1])]
    named = compare_files(*paths, names=["a", "b"], metric="MR-full-R1@0.5", most=0)
    assert (named["names"], named["metric"], named["best"]) == (["a", "b"], "MR-full-R1@0.5", [])
    total = result["metrics"]["MR-full-mAP"]
    start = f"MR-full-mAP: {total['first']:.2f} -> {total['second']:.2f} (+{total['difference']:.2f}, 95 % interval "
    line = describe_change(result)
    assert line.startswith(start) and line.endswith("; better in 1 of 4 queries, worse in 0")
