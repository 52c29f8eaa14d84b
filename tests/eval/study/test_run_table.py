"""The numbers behind a summary: rows of means, references, coverage and labels."""

from __future__ import annotations

from eval.study.rendering import render_markdown
from eval.study.summary import summarise
from tests.eval.study.metrics_files import covered, metrics


def test_runs_of_several_domains_have_a_row_of_means():
    files = [
        metrics(run, seed, base + 10 * seed + add, scope)
        for run, base in (("base", 50.0), ("film", 53.0))
        for scope, add in (("BK", 0.0), ("VT", 4.0))
        for seed in (0, 1)
    ]
    summary = summarise([*files, metrics("base", 2, 0.0, "BK")], against="base")
    mean = [row for row in summary["rows"] if row["run"] == "base"][-1]
    assert (mean["scope"], mean["seeds"]) == ("mean of 2", [0, 1])  # seed 2 lacks a domain
    assert mean["values"]["MR-full-R1@0.5"]["by_seed"] == [52.0, 62.0]
    test = summary["tests"][-1]
    assert (test["scope"], test["difference"]) == ("mean of 2", 3.0)
    assert test["over_scopes"]["n"] == 2


def test_references_are_rows_beside_every_run():
    def tvsum(run, scope):
        about = {"run": run, "scope": scope, "seed": 0}
        references = {"chance": {"mAP": 42.5}, "mean human": {"mAP": 84.3, "tau": 0.4}}
        return f"{run}{scope}.json", {
            "brief": {"mAP-last": 60.0, "tau-last": 0.1},
            "references": references,
            "about": about,
        }

    summary = summarise([tvsum("base", "BK"), tvsum("base", "VT")])
    assert [(row["run"], row["scope"], row["baseline"]) for row in summary["rows"]][:4] == [
        ("base", "BK", False),
        ("chance", "BK", True),
        ("mean human", "BK", True),
        ("base", "VT", False),
    ]
    assert summary["rows"][1]["values"]["mAP-last"]["mean"] == 42.5
    text = render_markdown(summary)
    assert "| *mean human (reference)* | mean of 2 | – | 84.30 | 0.400 |" in text


def test_a_row_of_means_counts_the_queries_of_all_scopes():
    files = [metrics("base", 0, 60.0, "BK"), covered(metrics("base", 0, 70.0, "VT"), 2, 3)]
    files[0][1]["about"]["queries"] = 5
    assert summarise(files)["rows"][-1]["coverage"] == {"queries": 7, "of": 8}
    assert "† base, mean of 2: 7 of 8 queries" in render_markdown(summarise(files))
