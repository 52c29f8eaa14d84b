"""The verbs `score`, `baseline` and `compare`: their files, notes and one-line errors."""

from __future__ import annotations

import json

import pytest

from tests.eval.running import run


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


def test_covered_only_says_what_it_covers(tmp_path, write, queries, capsys):
    predictions, truth = queries(6)
    files = ["--ground-truth", write("g.jsonl", truth), "--predictions", write("p.jsonl", predictions[1:])]
    out = ["--out", tmp_path / "m.json", "--per-query", tmp_path / "q.json"]
    assert run("score", *files, *out) == 1
    assert "1 of 6 queries are missing, first qid 0: `score` and `tvsum` leave them out with --covered-only" in (
        capsys.readouterr().err
    )
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
    # The note also appears without --run; predictions for unknown queries remain an error.
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
    assert "g.jsonl: only 5 of 6 queries have relevant_windows: moments are scored over these alone\n" in error
    assert "g.jsonl: only 4 of 6 queries have saliency_scores: highlights are scored over these alone\n" in error
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
    # A task that is not scored at all does not appear in the counts either.
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
    assert "b/l.txt: a part named 'list=l' already exists: rename the file\n" in capsys.readouterr().err
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
    assert f"{paths[0]} and {paths[1]}: no metric in common: both need" in capsys.readouterr().err


def test_figures_leave_out_a_domain_without_predictions(tmp_path, write, queries, capsys):
    predictions, truth = queries(6)
    (tmp_path / "none.jsonl").write_text("")
    files = [tmp_path / "none.jsonl", write("p.jsonl", predictions[1:])]
    out = ["--ground-truth", write("g.jsonl", truth), "--out-dir", tmp_path / "out"]
    assert run("plot-retrieval-figures", "--predictions", *files, *out, "--covered-only") == 0
    assert "5 queries" in (tmp_path / "out" / "reliability.svg").read_text()
    capsys.readouterr()
    assert run("plot-retrieval-figures", "--predictions", *files, *out) == 1
    assert "none.jsonl: no rows" in capsys.readouterr().err


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
