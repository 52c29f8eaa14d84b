"""The command line as a whole: all verbs in sequence, their help, their imports, and outputs that spare the inputs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eval.plots import GATE_FIGURES
from tests.eval.running import run
from tests.warm import run_python

ROOT = Path(__file__).parents[2]


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
    history = write("history.jsonl", [{"epoch": 0, "step": 1, "lr": 0.1, "train": {"loss": 1.0}, "val": None}])
    drawn = [*log, "--history", history, "--num-samples", 3, "--topk", 1]
    assert run("plot-gates", *drawn, "--out", tmp_path / "gates.png", tmp_path / "gates.svg") == 0
    assert run("plot-gate-figures", *drawn, "--out-dir", tmp_path / "figures") == 0
    found = {path.name for path in (tmp_path / "figures").iterdir()}
    assert found == {f"{name}.{suffix}" for name in GATE_FIGURES for suffix in ("png", "svg")}
    assert run("plot-training", "--history", history, "--out", tmp_path / "training.png") == 0
    assert not list(tmp_path.rglob("*.part"))


OVERLAPS = {
    "score --predictions p --ground-truth g --out p": "p: would overwrite the input",
    "score --predictions p --ground-truth g --out o --per-query o": "o: would be written twice",
    "score --predictions p --ground-truth g --list l --out o --per-query l": "l: would overwrite the input",
    "baseline --ground-truth g --seed 0 --out g": "g: would overwrite the input",
    "tvsum --ground-truth g --last p --out o --out-markdown p": "p: would overwrite the input",
    "describe --ground-truth g --out g": "g: would overwrite the input",
    "compare --predictions p l --ground-truth g --out l": "l: would overwrite the input",
    "summarise --metrics p --out-json o --out-csv o": "o: would be written twice",
    "summarise --metrics p --per-query l --out-json o --out-latex l": "l: would overwrite the input",
    "summarise --metrics p --out-json o --out-latex .": "is a folder",
    "gates --log p --out p": "p: would overwrite the input",
    "plot-summary --summary p --out o.png o.png": "o.png: would be written twice",
}


@pytest.mark.parametrize("line", OVERLAPS)
def test_no_output_overwrites_an_input_or_another(tmp_path, capsys, line):
    """Before anything is read: the files need not even be what the verb reads."""
    for name in "pgl":
        (tmp_path / name).write_text("kept")
    words = [tmp_path / word if word in ("p", "g", "l", "o", "o.png", ".") else word for word in line.split()]
    assert run(*words) == 1
    error = capsys.readouterr().err
    assert OVERLAPS[line] in error and error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g", "l", "p"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"kept"}


VERBS = [
    "score",
    "baseline",
    "tvsum",
    "describe",
    "compare",
    "summarise",
    "gates",
    "plot-gates",
    "plot-gate-figures",
    "plot-training",
    "plot-summary",
    "tvsum-table",
    "rank",
    "plot-moments",
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, "--help")
    assert stop.value.code == 0
    assert "--out" in capsys.readouterr().out


def find_loaded(modules: str, names: tuple[str, ...]) -> str:
    """The given libraries that importing these modules loads."""
    program = f"import sys, eval.__main__, {modules}\nprint([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_numbers_load_neither_matplotlib_nor_torch():
    modules = "eval.qvhighlights.evaluation, eval.qvhighlights.chance, eval.qvhighlights.gains"
    modules += ", eval.tvsum.evaluation, eval.tvsum.table, eval.gates.statistics, eval.study.summary, eval.best_moments"
    assert find_loaded(modules, ("matplotlib", "torch", "model")) == "[]"


def test_scoring_loads_numpy_alone():
    """Each of these takes a tenth of the time of `score` or more."""
    modules = "eval.qvhighlights.evaluation, eval.qvhighlights.gains, eval.gates.statistics"
    assert find_loaded(modules, ("pydantic", "scipy", "tqdm")) == "[]"


def test_module_runs_and_fails_with_a_status(tmp_path):
    result = run_python(["-m", "eval", "plot-summary", "--summary", "none.json", "--out", tmp_path / "x.png"], ROOT)
    assert result.returncode == 1
    assert result.stderr == "python -m eval plot-summary: error: none.json: no such file\n"
