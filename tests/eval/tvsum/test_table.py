"""TVSum over runs and seeds: means by domain, best and last epoch apart, references once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import UserError
from eval.__main__ import build_command
from eval.tvsum.table import make_table, render_markdown

REFERENCES = {
    "chance": {"mAP": {"BK": 40.0, "VT": 44.0, "mean": 42.0}, "sd": {"BK": 9.0, "VT": 8.0, "mean": 8.5}},
    "mean human": {"mAP": {"BK": 90.0, "VT": 80.0, "mean": 85.0}, "tau": {"BK": 0.5, "VT": 0.4, "mean": 0.45}},
}


def scores(run: str, seed: int, best: float, last: float, **about: Any) -> dict[str, Any]:
    rows = {
        name: {
            "mAP": {"BK": value, "VT": value + 10, "mean": value + 5},
            "tau": {"BK": 0.1, "VT": 0.3, "mean": 0.2},
        }
        for name, value in (("best epoch", best), ("last epoch", last))
    }
    return {"brief": {}, "about": {"run": run, "seed": seed, **about}, "rows": rows | REFERENCES}


def test_means_over_seeds_by_domain() -> None:
    table = make_table([("a", scores("base", 0, 60, 50)), ("b", scores("base", 1, 70, 54))])
    assert table["domains"] == ["BK", "VT"]
    assert [(row["run"], row["epoch"], row["seeds"]) for row in table["rows"]] == [
        ("base", "best epoch", [0, 1]),
        ("base", "last epoch", [0, 1]),
        ("chance", None, []),
        ("mean human", None, []),
    ]
    best, last, chance, _ = (row["values"]["mAP"] for row in table["rows"])
    assert best["BK"] == {"mean": 65.0, "sd": 7.0711, "by_seed": [60, 70]}  # 10 / sqrt(2)
    assert last["mean"] == {"mean": 57.0, "sd": 2.8284, "by_seed": [55, 59]}
    assert chance["mean"] == {"mean": 42.0, "sd": None, "by_seed": [42.0]}
    lines = render_markdown(table).splitlines()
    assert "| Run | Epoch | Seeds | BK | VT | mean | tau |" in lines
    assert "| base | last | 2 | 52.0 | 62.0 | 57.0 ± 2.8 | 0.200 ± 0.000 |" in lines
    assert "| *chance* | – | – | 40.0 | 44.0 | 42.0 | – |" in lines


def test_a_part_of_the_videos_is_marked() -> None:
    covered = scores("base", 0, 60, 50, coverage={"queries": 1, "of": 2})
    text = render_markdown(make_table([("a", covered)]))
    assert "| base † | best |" in text
    assert "† base: 1 of 2 videos, not comparable with full-set numbers." in text


def test_faults_are_named() -> None:
    one = "a", scores("base", 0, 60, 50)
    other = "b", scores("base", 1, 60, 50) | {"rows": {"chance": {"mAP": {"BK": 1.0, "mean": 1.0}}}}
    for files, message in (
        ([one, one], "a: run base, seed 0 is also in another file"),
        ([one, other], "b: not about the videos of a: chance and ceiling differ; make a table for each group"),
        ([("c", {"brief": {}})], "c: not a file of `tvsum --run NAME`: about: Field required"),
        ([], "no files"),
    ):
        with pytest.raises(UserError, match=message):
            make_table(files)


def test_covered_videos_alone_reach_the_table(tmp_path: Path) -> None:
    """`tvsum --covered-only` leaves out the video without predictions, its domain with it, and says so."""
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
    """A score over some domains is partial, whoever left out the others; that of a domain's own network is whole."""
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
