"""The command line: files written whole, status 0 only on success, one line for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eval.__main__ import build_command

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return build_command().main([str(argument) for argument in arguments])


def test_from_predictions_to_pictures(tmp_path, write, queries, gate_rows):
    _, truth = queries(8)
    truth_path = write("val.jsonl", truth)
    for seed in (0, 1):
        assert run("baseline", "--ground-truth", truth_path, "--seed", seed, "--out", tmp_path / f"r{seed}.jsonl") == 0
        options = ["--run", "random", "--scope", "all", "--seed", seed, "--by", "modality"]
        score = ["score", "--predictions", tmp_path / f"r{seed}.jsonl", "--ground-truth", truth_path]
        assert run(*score, "--out", tmp_path / f"m{seed}.json", *options) == 0
    metrics = json.loads((tmp_path / "m0.json").read_text())
    assert next(iter(metrics)) == "brief"
    assert metrics["about"] == {"run": "random", "scope": "all", "seed": 0, "queries": 8}
    assert "modality=audio" in metrics["subsets"]

    files = ["--out-json", tmp_path / "sub/summary.json", "--out-markdown", tmp_path / "sub/summary.md"]
    assert run("summarise", "--metrics", tmp_path / "m0.json", tmp_path / "m1.json", *files) == 0
    assert "*random (chance)*" in (tmp_path / "sub/summary.md").read_text()
    assert run("plot-summary", "--summary", tmp_path / "sub/summary.json", "--out", tmp_path / "summary.png") == 0

    log = ["--log", write("gate_logs_val_Nall.jsonl", gate_rows(8)), "--ground-truth", truth_path]
    assert run("gates", *log, "--by", "modality", "--out", tmp_path / "stats.json") == 0
    assert run("plot-gates", *log, "--num-samples", 3, "--out", tmp_path / "gates.png") == 0
    history = write("history.jsonl", [{"epoch": 0, "step": 1, "lr": 0.1, "train": {"loss": 1.0}, "val": None}])
    assert run("plot-training", "--history", history, "--out", tmp_path / "training.png") == 0
    assert not list(tmp_path.rglob("*.part"))


def test_official_keys_alone_without_options(tmp_path, write, queries):
    predictions, truth = queries(3)
    files = ["--predictions", write("p.jsonl", predictions), "--ground-truth", write("g.jsonl", truth)]
    assert run("score", *files, "--out", tmp_path / "m.json") == 0
    assert list(json.loads((tmp_path / "m.json").read_text())) == [
        "brief", "HL-min-Fair", "HL-min-Good", "HL-min-VeryGood", "full", "long", "middle", "short",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "p.jsonl: no such file"),
        (b"", "p.jsonl: no rows"),
        (b'{"qid": 0}\n{"qid": ', "p.jsonl: line 2: not JSON"),
        (b"[1]\n", "p.jsonl: line 1: not an object"),
        (b"\xff\xfe", "p.jsonl: not UTF-8"),
        (b'{"qid": 7}\n', "p.jsonl: 3 of 3 queries are missing"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(tmp_path, write, queries, capsys, content, message):
    truth = write("g.jsonl", queries(3)[1])
    if content is not None:
        (tmp_path / "p.jsonl").write_bytes(content)
    arguments = ["--predictions", tmp_path / "p.jsonl", "--ground-truth", truth, "--out", tmp_path / "m.json"]
    assert run("score", *arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "m.json").exists()


@pytest.mark.parametrize("number", ["0", "-2"])
def test_number_of_samples_is_checked(tmp_path, write, gate_rows, capsys, number):
    log = write("log.jsonl", gate_rows(2))
    assert run("plot-gates", "--log", log, "--num-samples", number, "--out", tmp_path / "x.png") == 1
    assert "--num-samples: must be" in capsys.readouterr().err


VERBS = ["score", "baseline", "summarise", "gates", "plot-gates", "plot-training", "plot-summary"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, "--help")
    assert stop.value.code == 0
    assert "--out" in capsys.readouterr().out


def test_scoring_loads_neither_matplotlib_nor_torch():
    program = "import sys, eval.__main__, eval.score, eval.gates, eval.summarise, eval.baseline\n"
    program += "print([name for name in ('matplotlib', 'torch', 'model') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_module_runs_and_fails_with_a_status(tmp_path):
    command = [sys.executable, "-m", "eval", "plot-summary", "--summary", "none.json", "--out", str(tmp_path / "x.png")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "python -m eval plot-summary: error: none.json: no such file\n"
