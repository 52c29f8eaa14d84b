"""What the page is told of the whole study: checked, and never more than the files have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from eval.explorer.answers import Patterns
from eval.explorer.study_page import describe_domains, describe_runs, describe_training
from eval.study.summary import summarise_files
from eval.tvsum.table import make_table
from tests.eval.study.metrics_files import metrics


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_the_table_of_runs_is_that_of_summarise(tmp_path: Path) -> None:
    files = [metrics("base", 1, 61.0, audio=50.0), metrics("base", 2, 63.0, audio=70.0)]
    paths = [write(tmp_path / name, content) for name, content in files]
    runs = describe_runs(write(tmp_path / "summary.json", summarise_files(paths)))
    (row,) = runs["rows"]
    assert row["values"]["MR-full-R1@0.5"]["mean"] == 62.0
    assert row["values"]["MR-full-R1@0.5"]["sd"] == pytest.approx(2**0.5, abs=1e-3)
    assert [column["key"] for column in runs["columns"]] == ["MR-full-R1@0.5", "modality=audio/MR-full-R1@0.5"]


def test_the_domains_are_those_of_tvsum_table(tmp_path: Path) -> None:
    rows = {"last epoch": {"mAP": {"BK": 60.0, "mean": 60.0}}, "chance": {"mAP": {"BK": 40.0, "mean": 40.0}}}
    table = make_table([("a", {"about": {"run": "base", "seed": 1}, "rows": rows})])
    domains = describe_domains(write(tmp_path / "tvsum.json", table))
    assert domains["domains"] == ["BK"]
    shown = [(row["name"], row["epoch"], row["values"]["BK"]["mean"]) for row in domains["rows"]]
    assert shown == [("base", "last epoch", 60.0), ("chance", None, 40.0)]


@pytest.mark.parametrize("describe", [describe_runs, describe_domains])
def test_another_file_is_named(describe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.json: .*Field required"):
        describe(write(tmp_path / "x.json", {"rows": []}))


def test_training_is_that_of_the_first_history_with_rows(tmp_path: Path) -> None:
    (tmp_path / "A.jsonl").write_text("")
    history = [
        {"epoch": 1, "train": {"loss": 3.0}, "val": None},
        {"epoch": 2, "train": {"loss": "x"}, "val": {"mAP": 50.0}},
    ]
    (tmp_path / "B.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history))
    patterns = Patterns("", history=f"{tmp_path}/{{scope}}.jsonl", scopes=("A", "B"))
    assert describe_training([("base", "")], patterns) == [
        {"run": "base", "metric": "mAP", "epochs": [1, 2], "loss": [3.0, None], "score": [None, 50.0]}
    ]
    assert describe_training([("base", "")], Patterns("")) == []
