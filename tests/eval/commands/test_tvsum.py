"""The verbs `tvsum` and `tvsum-table`: epochs, domains and coverage, from files to files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.__main__ import build_command
from tests.eval.running import run


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
    # Both epochs are columns of the same row.
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
    # A known domain does not hide an unknown one.
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
    assert "p.jsonl: 1 of 3 rows belong to other domains and are left out" in capsys.readouterr().err
    assert list(json.loads((tmp_path / "t.json").read_text())["rows"]["last epoch"]["mAP"]) == ["A", "C", "mean"]
    # What no domain of the ground truth has, and what one of those asked for lacks, stay errors.
    unknown = [*predictions, {"qid": "D", "pred_saliency_scores": [1]}]
    assert run("tvsum", *labels, "--last", write("p.jsonl", unknown)) == 1
    assert "1 queries are not in" in capsys.readouterr().err
    assert run("tvsum", *labels, "--last", write("p.jsonl", predictions[1:])) == 1
    assert "1 of 2 queries are missing, first qid A" in capsys.readouterr().err


def test_covered_videos_alone_reach_the_table(tmp_path: Path) -> None:
    """`tvsum --covered-only` leaves out the video without predictions, and so its domain, and notes it."""
    label = [[5.0, 4.0], [1.0, 2.0], [1.0, 1.0], [4.0, 5.0], [1.0, 1.0], [2.0, 1.0], [1.0, 1.0]]
    truth = [{"qid": vid, "vid": vid, "query": "q", "domain": vid.upper(), "label": label} for vid in ("bk", "vt")]
    ranked = {"qid": "bk", "vid": "bk", "query": "q", "pred_saliency_scores": [9, 2, 3, 8, 1, 4, 0]}
    for name, rows in (("truth", truth), ("best", [ranked])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = ["--ground-truth", f"{tmp_path}/truth.jsonl", "--best", f"{tmp_path}/best.jsonl"]
    command = ["tvsum", *files, "--run", "base", "--seed", "3", "--out", f"{tmp_path}/m.json"]
    assert build_command().main(command) == 1
    assert build_command().main([*command, "--covered-only"]) == 0
    about = json.loads((tmp_path / "m.json").read_text())["about"]
    coverage = {"queries": 1, "of": 2, "without": ["VT"]}
    assert about == {"run": "base", "seed": 3, "queries": 1, "coverage": coverage}
    table = ["tvsum-table", "--scores", f"{tmp_path}/m.json", "--out", f"{tmp_path}/t.json"]
    assert build_command().main([*table, "--out-markdown", f"{tmp_path}/t.md"]) == 0
    row = json.loads((tmp_path / "t.json").read_text())["rows"][0]
    # Ranked 0 3 5 2 1. Above the first annotator's median are 0, 3, 5: AP 1. Above the second's 0, 3, 1: 0.85.
    assert row["values"]["mAP"]["BK"]["mean"] == pytest.approx(92.5)
    assert "VT" not in row["values"]["mAP"]


def test_domains_that_were_not_chosen_count_as_missing(tmp_path: Path) -> None:
    """A score over some domains is partial, whatever left out the others; for a model of one domain it is complete."""
    label = [[5.0, 4.0], [1.0, 2.0], [1.0, 1.0], [4.0, 5.0], [1.0, 1.0], [2.0, 1.0], [1.0, 1.0]]
    truth = [
        {"qid": vid, "vid": vid, "query": "q", "domain": vid.upper(), "label": label} for vid in ("bk", "ga", "vt")
    ]
    scores = {"query": "q", "pred_saliency_scores": [9, 2, 3, 8, 1, 4, 0]}
    predicted = [{**scores, "qid": vid, "vid": vid} for vid in ("bk", "vt")]
    (tmp_path / "truth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in truth))
    (tmp_path / "best.jsonl").write_text("".join(json.dumps(row) + "\n" for row in predicted))
    (tmp_path / "none.jsonl").write_text("")
    files = ["--ground-truth", f"{tmp_path}/truth.jsonl", "--out", f"{tmp_path}/m.json", "--run", "base"]

    def score(*options: str) -> dict[str, Any]:
        assert build_command().main(["tvsum", *files, *options]) == 0
        about: dict[str, Any] = json.loads((tmp_path / "m.json").read_text())["about"]
        return about

    best = ["--best", f"{tmp_path}/best.jsonl", f"{tmp_path}/none.jsonl"]
    for option in ("--covered-only", "--seed=1"):
        about = score(*best, "--domain", "BK", "VT", option)
        assert about["coverage"] == {"queries": 2, "of": 3, "without": ["GA"]}
    assert "coverage" not in score(*best, "--domain", "BK", "--scope", "BK")
    only = ["--best", f"{tmp_path}/none.jsonl", "--covered-only"]
    assert build_command().main(["tvsum", *files, *only]) == 1
