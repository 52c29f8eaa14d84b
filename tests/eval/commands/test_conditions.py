"""The verbs `calibration`, `conditions` and `plot-conditions`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.eval.conditions.results import TRUTH, make_plan, write_study
from tests.eval.running import run


def test_table_and_figure_of_a_study_that_is_still_running(tmp_path: Path) -> None:
    results = write_study(tmp_path / "results", [1, 2], ["video_only", "concat"])
    truth, out = tmp_path / "val.jsonl", tmp_path / "out"
    truth.write_text("".join(json.dumps(row) + "\n" for row in TRUTH))
    command = ["conditions", "--plan", json.dumps(make_plan([1, 2, 3])), "--results", results, "--by", "modality"]
    command += ["--ground-truth", str(truth), "--out-json", str(out / "c.json")]
    assert run(*command) == 0
    assert [path.name for path in out.iterdir()] == ["c.json"]
    tables = ["--out-markdown", out / "c.md", "--out-latex", out / "c.tex", "--out-csv", out / "c.csv"]
    assert run(*command, *tables) == 0
    assert "| shift | 5 | concat | 2 |" in (out / "c.md").read_text()
    assert run("plot-conditions", "--conditions", out / "c.json", "--out", out / "c.png", out / "c.svg") == 0
    assert "concat in words" in (out / "c.svg").read_text()


def test_calibration(tmp_path: Path, write: Any, gate_rows: Any) -> None:
    """In the synthetic log, videos with informative audio have the higher gates throughout."""
    rows = gate_rows(12)
    truth = [{key: row[key] for key in ("qid", "vid", "audio_informative")} for row in rows]
    log, queries = write("log.jsonl", rows), write("truth.jsonl", truth)
    assert run("calibration", "--log", log, "--ground-truth", queries, "--out", tmp_path / "c.json") == 0
    assert json.loads((tmp_path / "c.json").read_text())["auc"] > 0.9
    command = ["calibration", "--log", log, "--ground-truth", queries, "--replaced", "--out", tmp_path / "c.json"]
    assert run(*command) == 0
    assert json.loads((tmp_path / "c.json").read_text())["auc"] is None


def test_a_pattern_without_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "val.jsonl"
    truth.write_text(json.dumps(TRUTH[0]) + "\n")
    command = ["conditions", "--plan", json.dumps(make_plan([1])), "--results", "results", "--ground-truth", truth]
    assert run(*command, "--out-json", tmp_path / "c.json") == 1
    assert capsys.readouterr().err.endswith("error: --results: must contain {run}, got 'results'\n")
