"""Runs side by side: mean and spread, intervals over queries, and tests against a run."""

from __future__ import annotations

import csv
import io

import pytest

from cli import UserError
from eval.study.rendering import render_csv, render_latex, render_markdown
from eval.study.summary import summarise
from tests.eval.study.metrics_files import covered, metrics, values


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


def test_intervals_are_of_the_mean_over_seeds():
    files = [metrics("base", 0, 50.0), metrics("base", 1, 50.0)]
    # Each query has a mean of 50 over the two seeds, so resampling queries changes nothing.
    each = [values("base", 0, [0.0, 100.0]), values("base", 1, [100.0, 0.0])]
    (row,) = summarise(files, each)["rows"]
    assert row["values"]["MR-full-R1@0.5"]["interval"] == [50.0, 50.0]
    assert "| base | R1@0.5 | 50.00 | 50.00 | 50.00 |" in render_markdown(summarise(files, each))
    # A seed without values: no interval, since it would be for other predictions than the mean.
    assert "interval" not in summarise(files, each[:1])["rows"][0]["values"]["MR-full-R1@0.5"]


def test_one_file_scored_as_two_seeds_is_named(caplog):
    numbers = [float(number) for number in range(0, 100, 10)]
    files = [metrics("base", seed, 45.0) for seed in (0, 1, 2)]
    other = values("base", 1, numbers[::-1])
    summarise(files, [values("base", 0, numbers), other])
    # Of few queries two networks may answer all alike.
    summarise([metrics("base", 0, 50.0), metrics("base", 1, 50.0)], [values("base", n, [0.0, 100.0]) for n in (0, 1)])
    assert not caplog.records
    summarise(files, [values("base", 0, numbers), other, values("base", 2, numbers)])
    assert caplog.messages == [
        "note: run base, scope all: seeds 0 and 2 have the same score for every query: the predictions of one seed,"
        " scored twice?"
    ]


def test_a_seed_without_a_metric_is_in_neither_mean_nor_interval():
    """Predictions without windows, say: the mean is over the other seeds, and so is the interval."""
    late = metrics("base", 1, None)
    late[1]["brief"]["HL-min-VeryGood-mAP"] = 30.0
    name, content = values("base", 1, [30.0, 30.0])
    content["values"] = {"HL-min-VeryGood-mAP": content["values"].pop("MR-full-R1@0.5")}
    files = [metrics("base", 0, 50.0), late, metrics("film", 0, 60.0), metrics("film", 1, 70.0)]
    each = [values("base", 0, [50.0, 50.0]), (name, content), values("film", 0, [60.0, 60.0])]
    summary = summarise(files, [*each, values("film", 1, [70.0, 70.0])], against="base")
    base = summary["rows"][0]["values"]
    assert base["MR-full-R1@0.5"] == {"mean": 50.0, "sd": None, "by_seed": [50.0, None], "interval": [50.0, 50.0]}
    assert base["HL-min-VeryGood-mAP"]["interval"] == [30.0, 30.0]
    (test,) = summary["tests"]  # film has no HL-mAP
    # The difference of the means, over queries as in the table: film has 65 over both of its seeds.
    assert test["difference"] == 15.0 and test["over_queries"]["interval"] == [15.0, 15.0]
    # A seed whose values are not given: no interval of the mean over both.
    summary = summarise(files, each, against="base")
    assert "interval" not in summary["rows"][1]["values"]["MR-full-R1@0.5"]
    assert "over_queries" not in summary["tests"][0]


def test_tests_against_a_run_pair_seeds_and_queries():
    files = [metrics("base", seed, 30.0) for seed in range(3)] + [
        metrics("film", seed, 31.0 + seed) for seed in range(4)
    ]
    each = [values("base", seed, [0.0, 30.0, None, 60.0]) for seed in range(3)]
    # In another order of the queries: they are paired by qid.
    film = [61.0, None, 31.0, 1.0]
    each += [
        values("film", seed, [one if one is None else one + seed for one in film], qids=[3, 2, 1, 0])
        for seed in range(4)
    ]
    (test,) = summarise(files, each, against="base")["tests"]
    assert (test["run"], test["against"], test["column"], test["difference"]) == ("film", "base", "MR-full-R1@0.5", 2.5)
    # Differences 1, 2, 3 of the three seeds that both have: t = 2 / (1 / sqrt 3), two degrees of freedom.
    assert test["over_seeds"] == {"n": 3, "p": pytest.approx(0.0742, abs=1e-4)}
    # 2.5 for each of three queries: 2 of 8 signs are as far from 0.
    assert test["over_queries"] == {"n": 3, "p": 0.25, "interval": [2.5, 2.5]}
    text = render_markdown(summarise(files, each, against="base"))
    assert "| film | all | R1@0.5 | +2.50 | 0.074 (3) | – | 0.250 (3) |" in text


def test_a_part_of_the_queries_is_marked_and_not_tested():
    files = [metrics("base", 0, 60.0), covered(metrics("film", 0, 70.0), 2, 3), covered(metrics("full", 0, 80.0), 3, 3)]
    each = [values("base", 0, [60.0] * 3), covered(values("film", 0, [70.0] * 2), 2, 3)]
    summary = summarise(files, each, against="base")
    assert [row["coverage"] for row in summary["rows"]] == [None, {"queries": 2, "of": 3}, None]
    assert summary["rows"][1]["values"]["MR-full-R1@0.5"]["interval"] == [70.0, 70.0]
    assert [test["run"] for test in summary["tests"]] == ["full"]
    note = "film: 2 of 3 queries, not comparable with full-set numbers"
    markdown = render_markdown(summary)
    assert "| film † | 1 | 70.00 |" in markdown and f"\n† {note}.\n" in markdown and markdown.count("†") == 3
    assert "| film † | R1@0.5 | 70.00 | 70.00 | 70.00 |" in markdown
    latex = render_latex(summary)
    assert "film$^\\dagger$ & 1 & 70.00" in latex and f"\\multicolumn{{3}}{{l}}{{$^\\dagger$ {note}}}" in latex
    lines = list(csv.DictReader(io.StringIO(render_csv(summary))))
    assert [(line["covered"], line["of"]) for line in lines] == [("", ""), ("2", "3"), ("", "")]
    with pytest.raises(UserError, match=r"about\.coverage: differs from film-None-0\.json, another seed"):
        summarise([*files, metrics("film", 1, 70.0)])
    with pytest.raises(UserError, match=r"about\.coverage: differs from film-None-0\.json"):
        summarise(files, [values("film", 0, [70.0] * 2)])


def covered_files(run, r1, qids):
    """A metrics file and a values file of a run that covers a part of the queries."""
    coverage = {"queries": len(qids), "of": 9}
    name, content = metrics(run, 0, r1)
    content["about"] |= {"coverage": coverage, "queries": len(qids)}
    other, each = values(run, 0, [r1] * len(qids), qids=qids)
    each["about"] |= {"coverage": coverage}
    return (name, content), (other, each)


def test_runs_over_other_queries_are_not_tested():
    qids = {"a": [1, 2], "b": [2, 3], "c": [2, 1]}
    base, film, same = (covered_files(run, 50.0, listed) for run, listed in qids.items())
    files = [base[0], film[0], same[0]]
    tests = summarise(files, [base[1], film[1], same[1]], against="a")["tests"]
    assert [test["run"] for test in tests] == ["c"]
    # Equally many queries, but the files do not say which: no test.
    assert summarise(files, against="a")["tests"] == []
    assert summarise(files, [base[1]], against="a")["tests"] == []
    # All queries, but of ground truths of different sizes.
    whole = [metrics(run, 0, 50.0) for run in ("a", "b", "c")]
    for (_, content), queries in zip(whole, (4, 5, 4), strict=True):
        content["about"]["queries"] = queries
    assert [test["run"] for test in summarise(whole, against="a")["tests"]] == ["c"]


def test_runs_with_other_labels_are_not_tested_and_seeds_must_have_the_same():
    labelled = {"moments": 3, "of": 4}
    whole, part = metrics("a", 0, 50.0), metrics("b", 0, 50.0)
    part[1]["about"] |= {"labelled": labelled, "queries": 4}
    assert summarise([whole, part], against="a")["tests"] == []
    assert summarise([whole, part])["rows"][1]["labelled"] == labelled
    with pytest.raises(UserError, match=r"b-None-1\.json: about\.labelled: differs from b-None-0\.json"):
        summarise([part, metrics("b", 1, 50.0)])
    # A row of means sums up its scopes.
    scopes = [metrics("b", 0, 50.0, scope) for scope in ("x", "y")]
    scopes[0][1]["about"] |= {"labelled": labelled, "queries": 4}
    scopes[1][1]["about"] |= {"queries": 5}
    assert summarise(scopes)["rows"][-1]["labelled"] == {"moments": 8, "highlights": 9, "of": 9}
