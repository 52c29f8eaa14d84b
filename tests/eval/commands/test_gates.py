"""The verbs for gate logs: from a log to statistics, a sheet and figures."""

from __future__ import annotations

import json

import pytest

from tests.eval.running import run


@pytest.mark.parametrize("number", ["0", "-2"])
def test_number_of_samples_is_checked(tmp_path, write, gate_rows, capsys, number):
    log = write("log.jsonl", gate_rows(2))
    with pytest.raises(SystemExit) as stop:
        run("plot-gates", "--log", log, "--num-samples", number, "--out", tmp_path / "x.png")
    assert stop.value.code == 2
    assert "--num-samples: must be a whole number from 1 (or -1, all)" in capsys.readouterr().err


def test_of_several_logs_the_first_with_rows_is_read_with_what_belongs_to_it(tmp_path, write, gate_rows, capsys):
    logs = ["--log", write("none.jsonl", []), write("log.jsonl", gate_rows(4))]
    assert run("gates", *logs, "--out", tmp_path / "g.json") == 0
    assert json.loads((tmp_path / "g.json").read_text())["log"] == "log.jsonl"
    sheet = ["plot-gates", *logs, "--out", tmp_path / "g.svg", "--title"]
    assert run(*sheet, "of the first", "of the second") == 0
    text = (tmp_path / "g.svg").read_text()
    assert "of the second" in text and "of the first" not in text
    capsys.readouterr()
    assert run(*sheet, "of both") == 1
    assert "--title: must have one value per file, got 1 for 2 files" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--log", "--ground-truth", "--history"])
def test_no_figure_takes_the_place_of_what_is_read(tmp_path, write, gate_rows, queries, capsys, option):
    history = {"epoch": 0, "step": 1, "lr": 0.1, "train": {"loss": 1.0}, "val": None}
    files = {
        "--log": write("gate_time.png" if option == "--log" else "log", gate_rows(4)),
        "--ground-truth": write("gate_time.png" if option == "--ground-truth" else "truth", queries(4)[1]),
        "--history": write("gate_time.png" if option == "--history" else "history", [history]),
    }
    before = sorted(tmp_path.iterdir())
    assert run("plot-gate-figures", *[word for pair in files.items() for word in pair], "--out-dir", tmp_path) == 1
    assert f"gate_time.png: would overwrite the input {tmp_path}/gate_time.png" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
