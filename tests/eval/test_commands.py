"""The command line: files written whole, status 0 only on success, one line for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from eval.__main__ import build_command
from eval.plots import GATE_FIGURES

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
    history = write("history.jsonl", [{"epoch": 0, "step": 1, "lr": 0.1, "train": {"loss": 1.0}, "val": None}])
    drawn = [*log, "--history", history, "--num-samples", 3, "--topk", 1]
    assert run("plot-gates", *drawn, "--out", tmp_path / "gates.png", tmp_path / "gates.svg") == 0
    assert run("plot-gate-figures", *drawn, "--out-dir", tmp_path / "figures") == 0
    found = {path.name for path in (tmp_path / "figures").iterdir()}
    assert found == {f"{name}.{suffix}" for name in GATE_FIGURES for suffix in ("png", "svg")}
    assert run("plot-training", "--history", history, "--out", tmp_path / "training.png") == 0
    assert not list(tmp_path.rglob("*.part"))


def test_parts_variants_and_values_stand_beside_the_official_keys(tmp_path, write, queries, capsys):
    predictions, truth = queries(9)
    files = ["--predictions", write("p.jsonl", predictions), "--ground-truth", write("g.jsonl", truth)]
    (tmp_path / "three.txt").write_text("0\n1\n2\n")
    videos = write("videos.jsonl", [{"vid": f"video{n}", "has_audio": n % 2 == 0} for n in range(5)])
    assert run("score", *files, "--out", tmp_path / "m.json") == 0
    options = ["--where", "modality=audio,window_seconds=0:150", "--by", "has_audio", "--list", tmp_path / "three.txt"]
    more = ["--videos", videos, "--variants", "--per-query", tmp_path / "q.json", "--run", "base", "--seed", 1]
    assert run("score", *files, *options, *more, "--out", tmp_path / "more.json") == 0
    official, metrics = (json.loads((tmp_path / name).read_text()) for name in ("m.json", "more.json"))
    assert {key: metrics[key] for key in official} == official
    assert set(metrics) - set(official) == {"subsets", "variants", "about"}
    assert {name: part["queries"] for name, part in metrics["subsets"].items()} == {
        "has_audio=false": 4, "has_audio=true": 5, "modality=audio,window_seconds=0:150": 3, "list=three": 3,
    }  # fmt: skip
    values = json.loads((tmp_path / "q.json").read_text())
    assert values["qids"] == list(range(9)) and values["about"] == {"run": "base", "seed": 1}
    assert list(values["values"]) == list(official["brief"])
    assert "note: " in capsys.readouterr().err  # synthetic lists are a clip or two short

    summary = ["--out-json", tmp_path / "s.json", "--out-latex", tmp_path / "s.tex", "--out-csv", tmp_path / "s.csv"]
    assert run("summarise", "--metrics", tmp_path / "more.json", "--per-query", tmp_path / "q.json", *summary) == 0
    assert "interval" in (tmp_path / "s.json").read_text() and (tmp_path / "s.tex").read_text().startswith("%")
    both = ["--predictions", tmp_path / "p.jsonl", tmp_path / "p.jsonl", "--names", "a", "b"]
    assert run("compare", *both, *files[2:], "--out", tmp_path / "c.json") == 0
    assert json.loads((tmp_path / "c.json").read_text())["names"] == ["a", "b"]
    assert run("describe", *files[2:], "--by", "modality", "--out", tmp_path / "d.json") == 0
    assert json.loads((tmp_path / "d.json").read_text())["parts"]["modality=audio"] == 3


def test_unsorted_windows_are_one_line(tmp_path, write, queries, capsys):
    predictions, truth = queries(3)
    predictions[1]["pred_relevant_windows"] = [[0, 2, 0.1], [4, 8, 0.9]]
    files = ["--predictions", write("p.jsonl", predictions), "--ground-truth", write("g.jsonl", truth)]
    assert run("score", *files, "--out", tmp_path / "m.json") == 1
    error = capsys.readouterr().err
    assert "p.jsonl: qid 1: pred_relevant_windows: unsorted" in error and error.count("\n") == 1
    assert run("score", *files, "--as-listed", "--out", tmp_path / "m.json") == 0


def test_tvsum_with_best_and_last_epoch_of_two_domains(tmp_path, write, capsys):
    random = np.random.default_rng(0)
    truth = [
        {"qid": name, "vid": name, "domain": name[0], "label": random.integers(1, 6, (20, 3)).tolist()}
        for name in ("A1", "B1")
    ]
    files = [
        write(f"{epoch}{row['qid']}.jsonl", [{"qid": row["qid"], "pred_saliency_scores": random.random(20).tolist()}])
        for epoch in ("best", "last")
        for row in truth
    ]
    labels = ["--ground-truth", write("tvsum.jsonl", truth)]
    out = ["--out", tmp_path / "t.json", "--out-markdown", tmp_path / "t.md"]
    segments = write("s.jsonl", [{"vid": row["vid"], "segments": [[0, 20], [20, 26], [26, 40]]} for row in truth])
    options = ["--segments", segments, "--run", "base", "--seed", 0]
    assert run("tvsum", *labels, "--best", *files[:2], "--last", *files[2:], *options, *out) == 0
    metrics = json.loads((tmp_path / "t.json").read_text())
    assert {"mAP-best", "mAP-last", "tau-last", "F1-last"} < set(metrics["brief"])
    assert metrics["brief"]["mAP-best"] == metrics["rows"]["best epoch"]["mAP"]["mean"]
    assert list(metrics["references"]) == [
        "chance",
        "mean human",
        "best found (25 clips)",
        "best found (all clips)",
    ]
    table = [line for line in (tmp_path / "t.md").read_text().splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in table[2:5]] == ["| best epoch", "| last epoch", "| chance"]
    assert run("summarise", "--metrics", tmp_path / "t.json", "--out-json", tmp_path / "s.json") == 0
    summary = json.loads((tmp_path / "s.json").read_text())
    assert {"best found (25 clips)", "best found (all clips)"} < {row["run"] for row in summary["rows"]}
    # Both epochs are columns of the run's one row.
    assert [column["label"] for column in summary["columns"]][::4] == [
        "top-5 mAP (last epoch)",
        "top-5 mAP (best epoch)",
    ]
    assert run("plot-summary", "--summary", tmp_path / "s.json", "--out", tmp_path / "s.png") == 0

    assert run("tvsum", *labels, "--domain", "B", "--last", files[3], "--out", tmp_path / "b.json") == 0
    assert list(json.loads((tmp_path / "b.json").read_text())["rows"]["chance"]["mAP"]) == ["B", "mean"]
    assert run("describe", *labels, "--out", tmp_path / "d.json") == 0
    capsys.readouterr()
    assert run("tvsum", *labels, "--last", files[3], "--out", tmp_path / "b.json") == 1
    assert "1 of 2 queries are missing, first qid A1" in capsys.readouterr().err
    assert run("tvsum", *labels, "--domain", "C", "--out", tmp_path / "b.json") == 1
    assert "no row of domain 'C' (domains: A, B)" in capsys.readouterr().err
    # One that is there does not hide one that is not.
    both = ["--domain", "A", "B", "--run", "base", "--scope", "B", "--out", tmp_path / "scope.json"]
    assert run("tvsum", *labels, *both) == 1
    assert "--scope: B is one domain, but --domain names A as well" in capsys.readouterr().err
    assert not (tmp_path / "scope.json").exists()
    assert run("tvsum", *labels, "--domain", "B", "C", "--out", tmp_path / "b.json") == 1
    assert "no row of domain 'C' (domains: A, B)" in capsys.readouterr().err


def test_domains_are_taken_out_of_a_file_of_all(tmp_path, write, capsys):
    truth = [{"qid": n, "vid": str(n), "domain": n, "label": [[1], [2], [5], [4]]} for n in ("A", "B", "C")]
    predictions = [{"qid": row["qid"], "pred_saliency_scores": [1, 2, 4, 3]} for row in truth]
    labels = ["--ground-truth", write("g.jsonl", truth), "--out", tmp_path / "t.json", "--domain", "A", "C"]
    assert run("tvsum", *labels, "--last", write("p.jsonl", predictions)) == 0
    assert "p.jsonl: 1 of 3 rows are of other domains, left out" in capsys.readouterr().err
    assert list(json.loads((tmp_path / "t.json").read_text())["rows"]["last epoch"]["mAP"]) == ["A", "C", "mean"]
    # What no domain of the ground truth has, and what one of those asked for lacks, stay errors.
    unknown = [*predictions, {"qid": "D", "pred_saliency_scores": [1]}]
    assert run("tvsum", *labels, "--last", write("p.jsonl", unknown)) == 1
    assert "1 queries are not in" in capsys.readouterr().err
    assert run("tvsum", *labels, "--last", write("p.jsonl", predictions[1:])) == 1
    assert "1 of 2 queries are missing, first qid A" in capsys.readouterr().err


def test_covered_only_says_what_it_covers(tmp_path, write, queries, capsys):
    predictions, truth = queries(6)
    files = ["--ground-truth", write("g.jsonl", truth), "--predictions", write("p.jsonl", predictions[1:])]
    out = ["--out", tmp_path / "m.json", "--per-query", tmp_path / "q.json"]
    assert run("score", *files, *out) == 1
    assert "1 of 6 queries are missing, first qid 0" in capsys.readouterr().err
    assert run("score", *files, *out, "--covered-only", "--run", "film", "--epoch", "last") == 0
    assert "5 of 6 queries, not comparable with full-set numbers" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "m.json").read_text())
    coverage = {"queries": 5, "of": 6}
    assert metrics["about"] == {"run": "film", "epoch": "last", "coverage": coverage, "queries": 5}
    assert json.loads((tmp_path / "q.json").read_text())["about"]["coverage"] == coverage
    summary = ["--out-json", tmp_path / "s.json", "--out-markdown", tmp_path / "s.md"]
    assert run("summarise", "--metrics", out[1], "--per-query", out[3], *summary) == 0
    note = "† film (last epoch): 5 of 6 queries, not comparable with full-set numbers."
    assert note in (tmp_path / "s.md").read_text()
    # Without a run it is said as well; predictions for unknown queries stay an error.
    assert run("score", *files, *out, "--covered-only") == 0
    assert json.loads((tmp_path / "m.json").read_text())["about"]["coverage"] == coverage
    more = ["--ground-truth", write("less.jsonl", truth[2:]), *files[2:]]
    assert run("score", *more, *out, "--covered-only") == 1
    assert "1 queries are not in" in capsys.readouterr().err


def test_partly_labelled_ground_truth_is_said(tmp_path, write, queries, capsys):
    predictions, truth = queries(6)
    truth[0]["relevant_windows"] = []
    for row in truth[1:3]:
        del row["saliency_scores"]
    files = ["--ground-truth", write("g.jsonl", truth), "--predictions", write("p.jsonl", predictions)]
    out = ["--out", tmp_path / "m.json", "--per-query", tmp_path / "q.json"]
    assert run("score", *files, *out, "--run", "film") == 0
    error = capsys.readouterr().err
    assert "g.jsonl: 5 of 6 queries have relevant_windows, moments are scored over those\n" in error
    assert "g.jsonl: 4 of 6 queries have saliency_scores, highlights are scored over those\n" in error
    labelled = {"moments": 5, "highlights": 4, "of": 6}
    assert json.loads((tmp_path / "m.json").read_text())["about"]["labelled"] == labelled
    assert json.loads((tmp_path / "q.json").read_text())["about"]["labelled"] == labelled
    tables = [f"--out-{kind}" for kind in ("json", "markdown", "latex", "csv")]
    summary = [word for table in tables for word in (table, tmp_path / f"s{table}")]
    assert run("summarise", "--metrics", out[1], "--per-query", out[3], *summary) == 0
    assert json.loads((tmp_path / "s--out-json").read_text())["rows"][0]["labelled"] == labelled
    note = "film: moments over 5 and highlights over 4 of 6 queries, the others have no labels"
    text = (tmp_path / "s--out-markdown").read_text()
    assert "| film ‡ | 1 |" in text and f"\n‡ {note}.\n" in text
    assert f"$^\\ddagger$ {note}" in (tmp_path / "s--out-latex").read_text()
    lines = (tmp_path / "s--out-csv").read_text().splitlines()
    assert {line.split(",")[3][:2]: line.split(",")[-1] for line in lines[1:]} == {"MR": "5", "HL": "4"}
    # A half that is not scored at all is not in the numbers either.
    for row in predictions:
        del row["pred_saliency_scores"]
    files[3] = write("p.jsonl", predictions)
    assert run("score", *files, *out) == 0
    assert json.loads((tmp_path / "m.json").read_text())["about"]["labelled"] == {"moments": 5, "of": 6}


def test_lists_of_one_name_are_refused(tmp_path, write, queries, capsys):
    predictions, truth = queries(4)
    files = ["--ground-truth", write("g.jsonl", truth), "--predictions", write("p.jsonl", predictions)]
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "l.txt").write_text("0\n")
    lists = ["--list", tmp_path / "a/l.txt", tmp_path / "b/l.txt"]
    assert run("score", *files, *lists, "--out", tmp_path / "m.json") == 1
    assert "b/l.txt: another part is called 'list=l': rename the file\n" in capsys.readouterr().err
    assert not (tmp_path / "m.json").exists()


def test_files_without_a_metric_in_common_are_named(tmp_path, write, queries, capsys):
    predictions, truth = queries(4)
    names = {"w.jsonl": "pred_saliency_scores", "s.jsonl": "pred_relevant_windows"}
    paths = [
        write(name, [{key: row[key] for key in row if key != left_out} for row in predictions])
        for name, left_out in names.items()
    ]
    files = ["--ground-truth", write("g.jsonl", truth), "--out", tmp_path / "c.json"]
    assert run("compare", "--predictions", *paths, *files) == 1
    assert f"{paths[0]} and {paths[1]}: have no metric in common" in capsys.readouterr().err


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


def test_places_that_cannot_be_written_are_one_line(tmp_path, write, queries, capsys):
    truth = write("g.jsonl", queries(3)[1])
    arguments = ["baseline", "--ground-truth", truth, "--seed", 0, "--out"]
    for out, message in ((tmp_path, "is a folder"), (truth / "p.jsonl", f"{truth} is not a folder")):
        assert run(*arguments, out) == 1
        error = capsys.readouterr().err
        assert message in error and "Errno" not in error and error.count("\n") == 1


OVERLAPS = {
    "score --predictions p --ground-truth g --out p": "p: would overwrite the input",
    "score --predictions p --ground-truth g --out o --per-query o": "o: is to be written twice",
    "score --predictions p --ground-truth g --list l --out o --per-query l": "l: would overwrite the input",
    "baseline --ground-truth g --seed 0 --out g": "g: would overwrite the input",
    "tvsum --ground-truth g --last p --out o --out-markdown p": "p: would overwrite the input",
    "describe --ground-truth g --out g": "g: would overwrite the input",
    "compare --predictions p l --ground-truth g --out l": "l: would overwrite the input",
    "summarise --metrics p --out-json o --out-csv o": "o: is to be written twice",
    "summarise --metrics p --per-query l --out-json o --out-latex l": "l: would overwrite the input",
    "summarise --metrics p --out-json o --out-latex .": "is a folder",
    "gates --log p --out p": "p: would overwrite the input",
    "plot-summary --summary p --out o.png o.png": "o.png: is to be written twice",
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


@pytest.mark.parametrize("verb", ["score", "tvsum"])
@pytest.mark.parametrize("option", [("--run", ""), ("--run", " "), ("--scope", ""), ("--scope", "mean of 3")])
def test_names_that_summarise_refuses_are_refused_at_once(verb, option, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, *option)
    assert stop.value.code == 2
    assert f"argument {option[0]}: must" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["score", "tvsum", "baseline"])
def test_seeds_are_whole_numbers_from_0(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, "--seed", "-1")
    assert stop.value.code == 2
    assert "argument --seed: " in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-2"])
def test_number_of_samples_is_checked(tmp_path, write, gate_rows, capsys, number):
    log = write("log.jsonl", gate_rows(2))
    with pytest.raises(SystemExit) as stop:
        run("plot-gates", "--log", log, "--num-samples", number, "--out", tmp_path / "x.png")
    assert stop.value.code == 2
    assert "--num-samples: must be a whole number from 1 (or -1, all)" in capsys.readouterr().err


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
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        run(verb, "--help")
    assert stop.value.code == 0
    assert "--out" in capsys.readouterr().out


def test_scoring_loads_neither_matplotlib_nor_torch():
    program = "import sys, eval.__main__, eval.score, eval.gate_statistics, eval.summarise, eval.baseline, eval.tvsum\n"
    program += "import eval.compare\n"
    program += "print([name for name in ('matplotlib', 'torch', 'model') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_scoring_loads_numpy_alone():
    """Each of these takes a tenth of the time of `score` or more."""
    program = "import sys, eval.__main__, eval.score, eval.queries, eval.subsets, eval.variants\n"
    program += "print([name for name in ('pydantic', 'scipy', 'tqdm') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_module_runs_and_fails_with_a_status(tmp_path):
    command = [sys.executable, "-m", "eval", "plot-summary", "--summary", "none.json", "--out", str(tmp_path / "x.png")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "python -m eval plot-summary: error: none.json: no such file\n"
