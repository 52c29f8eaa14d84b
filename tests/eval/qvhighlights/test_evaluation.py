"""Evaluation of files: the official numbers of ten made-up rows, parts, values per query, and notes.

`official_case/` holds ten queries of our own making: an IoU on a threshold, a window listed twice, a right window that
comes eleventh, two halves met equally, tied, short, long and negative saliency, a best clip beyond the end. The numbers
beside them are the output of the public evaluation program (`standalone_eval` of jayleicn/moment_detr, commit b7e553a,
run with scikit-learn 1.9.1), so that parity is tested where no published annotations are.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from eval.parts import PartRules
from eval.qvhighlights.evaluation import evaluate_files
from eval.qvhighlights.score import evaluate
from formats.rows import read_rows
from tests.eval.oracle import highlight_scores, label_matrix, moment_scores

CASE = Path(__file__).parent / "official_case"
PREDICTIONS, TRUTH = CASE / "predictions.jsonl", CASE / "truth.jsonl"


def test_official_numbers_of_a_small_case():
    expected = json.loads((CASE / "metrics.json").read_text(encoding="utf-8"))
    found = evaluate_files(PREDICTIONS, TRUTH, as_listed=True).metrics
    assert found == expected
    assert [list(found), list(found["brief"])] == [list(expected), list(expected["brief"])]  # in the same order
    # No range and no level is empty, so every number above was computed.
    assert all(value is not None for value in expected["brief"].values())


def test_the_oracle_has_the_official_numbers_too():
    """So tests against the oracle alone are tests against the official definitions."""
    predictions, truth = read_rows(PREDICTIONS), read_rows(TRUTH)
    expected = json.loads((CASE / "metrics.json").read_text(encoding="utf-8"))
    windows = [[row["pred_relevant_windows"] for row in predictions], [row["relevant_windows"] for row in truth]]
    saliency = [row["pred_saliency_scores"] for row in predictions]
    found = moment_scores(*windows) | highlight_scores(saliency, [label_matrix(row) for row in truth])
    for name, part in found.items():
        for metric, value in part.items():
            wanted = {key: 100 * share for key, share in value.items()} if isinstance(value, dict) else 100 * value
            assert expected[name][metric] == pytest.approx(wanted, abs=0.00501), (name, metric)


def test_parts_values_and_notes(tmp_path):
    (tmp_path / "few.txt").write_text("1\n2\n")
    rules = PartRules(where=["windows=2"], lists=[tmp_path / "few.txt"])
    found = evaluate_files(PREDICTIONS, TRUTH, about={"run": "base", "seed": 1}, parts=rules, variants=True)
    assert found.metrics["about"] == {"run": "base", "seed": 1, "queries": 10}
    assert {name: part["queries"] for name, part in found.metrics["subsets"].items()} == {"windows=2": 3, "list=few": 2}
    assert "MR-mIoU" in found.metrics["variants"]["full"]
    values = found.list_values()
    assert values["about"] == {"run": "base", "seed": 1} and values["qids"] == list(range(1, 11))
    for key, column in values["values"].items():
        counted = [value for value in column if value is not None]
        assert sum(counted) / len(counted) == pytest.approx(found.metrics["brief"][key], abs=0.00501)
    assert [line.split(": ")[2].partition(",")[0] for line in found.notes] == [
        "fewer saliency scores than clips",
        "more saliency scores than clips",
        "windows of zero length",
    ]
    assert found.headline().startswith("10 queries: MR-full-R1@0.5 90.0, MR-full-R1@0.7 60.0, MR-full-mAP 61.33, HL")


def test_a_part_of_the_queries_is_scored_on_request_and_said(write):
    some = write("p.jsonl", read_rows(PREDICTIONS)[:4])
    with pytest.raises(UserError, match=r"p\.jsonl: 6 of 10 queries are missing, first qid 5"):
        evaluate_files(some, TRUTH)
    found = evaluate_files(some, TRUTH, covered_only=True)
    assert found.metrics["about"] == {"coverage": {"queries": 4, "of": 10}, "queries": 4}
    assert found.metrics["brief"] == evaluate(read_rows(PREDICTIONS)[:4], read_rows(TRUTH)[:4])["brief"]
    assert found.notes[-1] == f"{some}: 4 of 10 queries, not comparable with full-set numbers"
