"""The table of runs: grouping, mean and spread, columns, order."""

from __future__ import annotations

import csv
import io

import pytest

from cli import UserError
from eval.summarise import summarise
from eval.tables import render_csv, render_latex, render_markdown


def metrics(run, seed, r1, scope=None, **parts):
    about = {"run": run, "seed": seed} | ({"scope": scope} if scope else {})
    subsets = {f"modality={name}": {"queries": 5, "MR-full-R1@0.5": value} for name, value in parts.items()}
    return f"{run}-{scope}-{seed}.json", {"brief": {"MR-full-R1@0.5": r1}, "subsets": subsets, "about": about}


def test_mean_and_sd_over_seeds():
    files = [metrics("random", 0, 5.0, audio=4.0), metrics("base", 1, 62.0, audio=50.0), metrics("base", 0, 60.0)]
    summary = summarise(files)
    assert [row["run"] for row in summary["rows"]] == ["base", "random"]  # chance comes last
    base, random = summary["rows"]
    assert base["seeds"] == [0, 1]
    # Two values that differ by 2: sample sd is the root of 2.
    assert base["values"]["MR-full-R1@0.5"] == {"mean": 61.0, "sd": 1.4142, "by_seed": [60.0, 62.0]}
    assert base["values"]["modality=audio/MR-full-R1@0.5"] == {"mean": 50.0, "sd": None, "by_seed": [None, 50.0]}
    assert random["baseline"] and not base["baseline"]


def test_markdown_has_a_scope_column_only_for_several():
    one = render_markdown(summarise([metrics("base", 0, 60.0, visual=70.0)]))
    assert "| Run | Seeds | R1@0.5 | R1@0.5 modality=visual (n=5) |" in one
    assert "| base | 1 | 60.00 | 70.00 |" in one
    several = render_markdown(summarise([metrics("base", 0, 60.0, "BK"), metrics("base", 0, 50.0, "VT")]))
    assert "| Run | Scope | Seeds |" in several
    assert "| base | VT | 1 | 50.00 |" in several


def test_a_run_without_a_number_has_a_dash():
    text = render_markdown(summarise([metrics("base", 0, 60.0), metrics("late", 0, None)]))
    assert "| late | 1 | – |" in text


def test_files_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match=r"a\.json: does not say which run"):
        summarise([("a.json", {"brief": {}})])
    with pytest.raises(UserError, match=r"a\.json: not a metrics file"):
        summarise([("a.json", {})])
    with pytest.raises(UserError, match=r"is also in base-None-0\.json"):
        summarise([metrics("base", 0, 1.0), metrics("base", 0, 2.0)])


def values(run, seed, numbers, scope="all", qids=None):
    about = {"run": run, "seed": seed, "scope": scope}
    qids = list(range(len(numbers))) if qids is None else qids
    return f"{run}-{seed}.values.json", {"about": about, "qids": qids, "values": {"MR-full-R1@0.5": numbers}}


def test_intervals_are_of_the_mean_over_seeds():
    files = [metrics("base", 0, 50.0), metrics("base", 1, 100.0)]
    # Each query has a mean of 75 over the two seeds, so resampling queries changes nothing.
    each = [values("base", 0, [0.0, 100.0]), values("base", 1, [150.0, 50.0])]
    (row,) = summarise(files, each)["rows"]
    assert row["values"]["MR-full-R1@0.5"]["interval"] == [75.0, 75.0]
    assert "| base | R1@0.5 | 75.00 | 75.00 | 75.00 |" in render_markdown(summarise(files, each))
    # A seed without values: none, rather than one about other predictions than the mean.
    assert "interval" not in summarise(files, each[:1])["rows"][0]["values"]["MR-full-R1@0.5"]


def test_tests_against_a_run_pair_seeds_and_queries():
    files = [metrics("base", seed, 50.0) for seed in range(3)] + [
        metrics("film", seed, 51.0 + seed) for seed in range(4)
    ]
    each = [values("base", seed, [0.0, 50.0, None, 100.0]) for seed in range(3)]
    # In another order of the queries: they are paired by qid.
    each += [values("film", seed, [130.0, None, 80.0, 30.0], qids=[3, 2, 1, 0]) for seed in range(4)]
    (test,) = summarise(files, each, against="base")["tests"]
    assert (test["run"], test["against"], test["column"], test["difference"]) == ("film", "base", "MR-full-R1@0.5", 2.5)
    # Differences 1, 2, 3 of the three seeds that both have: t = 2 / (1 / sqrt 3), two degrees of freedom.
    assert test["over_seeds"] == {"n": 3, "p": pytest.approx(0.0742, abs=1e-4)}
    # 30 for each of three queries: 2 of 8 signs are as far from 0.
    assert test["over_queries"] == {"n": 3, "p": 0.25, "interval": [30.0, 30.0]}
    text = render_markdown(summarise(files, each, against="base"))
    assert "| film | all | R1@0.5 | +2.50 | 0.074 (3) | – | 0.250 (3) |" in text


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


def test_latex_and_csv():
    files = [metrics("mha_strong", 0, 60.0, audio=50.0), metrics("mha_strong", 1, 62.0), metrics("base", 0, 50.0)]
    summary = summarise(files, against="base")
    latex = render_latex(summary)
    assert "mha\\_strong & 2 & 61.00 $\\pm$ 1.41 & 50.00 \\\\" in latex
    assert latex.count("\\\\") == 3 and latex.count("&") == 3 * 3
    lines = list(csv.DictReader(io.StringIO(render_csv(summary))))
    assert [(line["run"], line["metric"], line["subset"], line["mean"]) for line in lines] == [
        ("mha_strong", "MR-full-R1@0.5", "", "61.0"),
        ("mha_strong", "MR-full-R1@0.5", "modality=audio", "50.0"),
        ("base", "MR-full-R1@0.5", "", "50.0"),
    ]
    assert (lines[0]["against"], lines[0]["difference"], lines[0]["p_seeds"]) == ("base", "11.0", "")


def test_values_that_do_not_fit_are_refused():
    files = [metrics("base", 0, 1.0), metrics("film", 0, 1.0)]
    with pytest.raises(
        UserError, match=r"values of run film, scope all, seed 0: not the queries of the values of run base"
    ):
        summarise(files, [values("base", 0, [1.0]), values("film", 0, [1.0], qids=[9])])
    with pytest.raises(UserError, match="needs 'qids' and as many values"):
        summarise(files, [values("base", 0, [1.0], qids=[1, 2])])
    with pytest.raises(UserError, match=r"0\.json: not a file of `score --per-query`"):
        summarise(files, files)
    with pytest.raises(UserError, match="--against best: no such run; there are base, film"):
        summarise(files, against="best")
