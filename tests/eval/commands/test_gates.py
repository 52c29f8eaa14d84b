"""The verbs for gate logs: from a log to statistics, a sheet and figures."""

from __future__ import annotations

import json

import pytest

from tests.eval.gate_logs import make_history
from tests.eval.running import run


@pytest.mark.parametrize("number", ["0", "-2"])
def test_number_of_samples_is_checked(tmp_path, write, gate_rows, capsys, number):
    log = write("log.jsonl", gate_rows(2))
    with pytest.raises(SystemExit) as stop:
        run("plot-gates", "--log", log, "--num-samples", number, "--out", tmp_path / "x.png")
    assert stop.value.code == 2
    assert "--num-samples: must be a whole number from 1 (or -1, all)" in capsys.readouterr().err


def test_the_logs_of_several_networks_are_one(tmp_path, write, gate_rows, capsys):
    """One per domain, of which one could not be trained: the numbers are those of their rows in one file."""
    rows = gate_rows(12, domains=3, silent=7)
    parts = [[row for row in rows if row["domain"] == f"domain {number}"] for number in range(3)]
    logs = [write("none.jsonl", []), *(write(f"log{number}.jsonl", part) for number, part in enumerate(parts))]
    whole = write("whole.jsonl", [row for part in parts for row in part])
    for name, files in (("parts", logs), ("whole", [whole])):
        command = ["gates", "--log", *files, "--by", "domain", "--out", tmp_path / f"{name}.json"]
        assert run(*command) == 0
    found, expected = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("parts", "whole"))
    assert (found.pop("log"), expected.pop("log")) == ("log0.jsonl and 2 more", "whole.jsonl")
    assert found == expected and found["queries"] == 12

    histories = [write(f"history{number}.jsonl", make_history(3 + number, every=1)) for number in range(4)]
    sheet = ["plot-gates", "--log", *logs, "--title", "three domains", "--out", tmp_path / "g.svg", "--history"]
    assert run(*sheet, *histories) == 0
    text = (tmp_path / "g.svg").read_text()
    assert "three domains" in text and "12 queries of 6 videos" in text and "log0.jsonl and 2 more" in text
    assert all(f"domain {number} (" in text for number in range(3))
    capsys.readouterr()
    assert run(*sheet, *histories[:3]) == 1
    assert "--history: must have one value per file, got 3 for 4 files" in capsys.readouterr().err


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
