"""Evaluation of files of rated videos: epochs and references, domains, coverage, and notes."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.tvsum.evaluation import evaluate_files
from tests.eval.tvsum.rows import make_rows, predict


def test_epochs_stand_beside_the_references(write):
    rows = make_rows()
    truth, best, last = write("g.jsonl", rows), write("b.jsonl", predict(rows)), write("l.jsonl", predict(rows)[::-1])
    found = evaluate_files(truth, best=[best], last=[last], about={"run": "base", "seed": 2})
    metrics = found.metrics
    assert list(metrics["rows"])[:3] == ["best epoch", "last epoch", "chance"]
    assert metrics["about"] == {"run": "base", "seed": 2, "queries": 3}
    # Predictions that rank as the mean of all annotators are the reference of that name, in either order of rows.
    human = metrics["references"]["mean human"]
    assert metrics["brief"] == {f"{key}{end}": value for end in ("-best", "-last") for key, value in human.items()}
    assert found.notes == [
        f"{epoch}: " + ", ".join(f"{key} {value}" for key, value in human.items())
        for epoch in ("best epoch", "last epoch")
    ]


def test_without_predictions_there_are_the_references_alone(write):
    metrics = evaluate_files(write("g.jsonl", make_rows())).metrics
    assert metrics["brief"] == {} and "about" not in metrics and "best epoch" not in metrics["rows"]


def test_some_domains_are_a_part_unless_the_network_is_of_that_domain(write):
    rows = make_rows()
    truth, one = write("g.jsonl", rows), write("p.jsonl", predict(rows))
    part = evaluate_files(truth, predictions=[one], domains=["A"], about={"run": "base"})
    assert part.metrics["about"]["coverage"] == {"queries": 2, "of": 3, "without": ["B"]}
    assert part.notes[0] == "note: 2 of 3 videos, without domain B, not comparable with full-set numbers"
    assert part.notes[1] == f"note: {one}: 1 of 3 rows belong to other domains and are left out"
    own = evaluate_files(truth, predictions=[one], domains=["A"], about={"run": "base", "scope": "A"})
    assert own.metrics["about"] == {"run": "base", "scope": "A", "queries": 2}
    assert own.metrics["rows"] == part.metrics["rows"]


def test_covered_videos_need_predictions(write):
    truth = write("g.jsonl", make_rows())
    with pytest.raises(UserError, match="--covered-only: needs predictions"):
        evaluate_files(truth, covered_only=True)
    none = write("none.jsonl", [])
    with pytest.raises(UserError, match=r"none\.jsonl: no prediction for any of 3 videos"):
        evaluate_files(truth, last=[none], covered_only=True)
