"""The table of runs: grouping, mean and spread, columns, order."""

from __future__ import annotations

import csv
import io

import pytest

from cli import UserError
from eval.study.rendering import render_csv, render_latex, render_markdown
from eval.study.summary import summarise


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
    files = [metrics("base", 0, 50.0), metrics("base", 1, 50.0)]
    # Each query has a mean of 50 over the two seeds, so resampling queries changes nothing.
    each = [values("base", 0, [0.0, 100.0]), values("base", 1, [100.0, 0.0])]
    (row,) = summarise(files, each)["rows"]
    assert row["values"]["MR-full-R1@0.5"]["interval"] == [50.0, 50.0]
    assert "| base | R1@0.5 | 50.00 | 50.00 | 50.00 |" in render_markdown(summarise(files, each))
    # A seed without values: none, rather than one about other predictions than the mean.
    assert "interval" not in summarise(files, each[:1])["rows"][0]["values"]["MR-full-R1@0.5"]


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


def test_values_must_be_those_of_the_metrics():
    files = [metrics("base", 0, 50.0), metrics("base", 1, 60.0)]
    # The metric is rounded to two decimals.
    assert summarise(files, [values("base", 0, [49.996, 50.0129])])
    wrong = {
        "another seed's": (
            values("base", 0, [60.0, 60.0]),
            r"R1@0\.5: their mean is 60\.0000, but base-None-0\.json says 50",
        ),
        "no such seed": (values("base", 2, [50.0]), r"no metrics file is of run base, scope all, seed 2"),
        "no such scope": (values("base", 0, [50.0], scope="BK"), r"no metrics file is of run base, scope BK, seed 0"),
        "none count": (values("base", 0, [None]), r"their mean is none, but base-None-0\.json says 50"),
        "unknown metric": (values("base", 0, [50.0]), r"values\.x: their mean is 50\.0000, but .* says none"),
    }
    wrong["unknown metric"][0][1]["values"]["x"] = [50.0]
    for (name, content), message in wrong.values():
        with pytest.raises(UserError, match=rf"{name}: .*{message}"):
            summarise(files, [(name, content)])
    with pytest.raises(UserError, match=r"b\.json: values\.MR-full-R1@0\.5: not of the queries that count in base-0"):
        other = "b.json", values("base", 1, [None, 60.0])[1]
        summarise(files, [values("base", 0, [50.0, 50.0]), other])


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
    with pytest.raises(UserError, match=r"film-0\.values\.json: qids: not the queries of base-0\.values\.json"):
        summarise(files, [values("base", 0, [1.0]), values("film", 0, [1.0], qids=[9])])
    with pytest.raises(UserError, match=r"base-0\.values\.json: values\.MR-full-R1@0\.5: 1 values for 2 qids"):
        summarise(files, [values("base", 0, [1.0], qids=[1, 2])])
    with pytest.raises(UserError, match="a query occurs twice"):
        summarise(files, [values("base", 0, [1.0, 1.0], qids=[1, 1])])
    with pytest.raises(UserError, match=r"0\.json: not a file of `score --per-query`"):
        summarise(files, files)
    with pytest.raises(UserError, match="--against best: no such run; there are base, film"):
        summarise(files, against="best")


SHAPES = {
    "text": ({"brief": {"MR-full-R1@0.5": "60"}}, r"brief\.MR-full-R1@0\.5: .*valid number, got '60'"),
    "list": ({"brief": {"MR-full-R1@0.5": [60]}}, r"brief\.MR-full-R1@0\.5: .*valid number, got \[60\]"),
    "object": ({"brief": {"MR-full-R1@0.5": {"a": 1}}}, r"brief\.MR-full-R1@0\.5: .*valid number"),
    "true": ({"brief": {"MR-full-R1@0.5": True}}, r"brief\.MR-full-R1@0\.5: .*valid number, got True"),
    "NaN": ({"brief": {"MR-full-R1@0.5": float("nan")}}, r"brief\.MR-full-R1@0\.5: .*finite number"),
    "huge": ({"brief": {"MR-full-R1@0.5": 1e308}}, r"brief\.MR-full-R1@0\.5: .*less than or equal to 100"),
    "huge whole": ({"brief": {"MR-full-R1@0.5": 10**400}}, r"brief\.MR-full-R1@0\.5: .*valid number, got 1000"),
    "brief": ({"brief": [1]}, r"brief: .*dictionary, got \[1\]"),
    "subsets": ({"subsets": [1]}, r"subsets: .*dictionary"),
    "subset": ({"subsets": {"a": 1}}, r"subsets\.a: "),
    "part": ({"subsets": {"a": {"MR-full-R1@0.5": "1"}}}, r"subsets\.a\.MR-full-R1@0\.5: .*valid number"),
    "part size": ({"subsets": {"a": {"queries": 1.5}}}, r"subsets\.a\.queries: .*integer"),
    "references": ({"references": 1}, r"references: .*dictionary"),
    "reference": ({"references": {"chance": [1]}}, r"references\.chance: .*dictionary"),
    "reference value": ({"references": {"chance": {"mAP": "1"}}}, r"references\.chance\.mAP: .*valid number"),
    "about": ({"about": [1]}, r"about: "),
    "run": ({"about": {"run": 1}}, r"about\.run: .*string"),
    "scope": ({"about": {"run": "a", "scope": {}}}, r"about\.scope: .*string"),
    "scope of means": ({"about": {"run": "a", "scope": "mean of 2"}}, r"about\.scope: must not start with 'mean of'"),
    "seed": ({"about": {"run": "a", "seed": [0]}}, r"about\.seed: .*integer"),
    "negative seed": ({"about": {"run": "a", "seed": -1}}, r"about\.seed: "),
    "epoch": ({"about": {"run": "a", "epoch": "third"}}, r"about\.epoch: .*'best' or 'last'"),
    "coverage": ({"about": {"run": "a", "coverage": 3}}, r"about\.coverage: "),
    "covered": ({"about": {"run": "a", "coverage": {"queries": 3}}}, r"about\.coverage\.of: Field required"),
}


@pytest.mark.parametrize("fault", SHAPES)
def test_metrics_of_the_wrong_shape_are_named_with_their_key(fault):
    change, message = SHAPES[fault]
    content = {"brief": {"MR-full-R1@0.5": 60.0}, "about": {"run": "base"}} | change
    with pytest.raises(UserError, match=rf"a\.json: {message}") as problem:
        summarise([("a.json", content)])
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [1]}, r"values: .*dictionary"),
        ({"values": {"MR-full-R1@0.5": 60.0}}, r"values\.MR-full-R1@0\.5: .*list"),
        ({"values": {"MR-full-R1@0.5": ["60"]}}, r"values\.MR-full-R1@0\.5\.0: .*valid number, got '60'"),
        ({"values": {"MR-full-R1@0.5": [1e308]}}, r"values\.MR-full-R1@0\.5\.0: .*less than or equal to 100"),
        ({"values": {"MR-full-R1@0.5": [10**400]}}, r"values\.MR-full-R1@0\.5\.0: .*valid number"),
        ({"qids": "all"}, r"qids: .*list"),
        ({"qids": [None]}, r"qids\.0: must be a whole number or a string, got None"),
        ({"qids": [[1]]}, r"qids\.0: must be a whole number or a string"),
        ({"about": "base"}, r"about: "),
    ],
)
def test_values_of_the_wrong_shape_are_named_with_their_key(change, message):
    _, content = values("base", 0, [60.0])
    with pytest.raises(UserError, match=rf"q\.json: {message}"):
        summarise([metrics("base", 0, 60.0)], [("q.json", content | change)])


def test_seeds_are_in_order_of_number():
    (row,) = summarise([metrics("base", seed, float(seed)) for seed in (10, 9, 1)])["rows"]
    assert row["seeds"] == [1, 9, 10] and row["values"]["MR-full-R1@0.5"]["by_seed"] == [1.0, 9.0, 10.0]


def covered(file, queries, of):
    name, content = file
    return name, content | {"about": content["about"] | {"coverage": {"queries": queries, "of": of}}}


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
    with pytest.raises(UserError, match=r"about\.coverage: not that of film-None-0\.json, another seed"):
        summarise([*files, metrics("film", 1, 70.0)])
    with pytest.raises(UserError, match=r"about\.coverage: not that of film-None-0\.json"):
        summarise(files, [values("film", 0, [70.0] * 2)])


def test_a_row_of_means_counts_the_queries_of_all_scopes():
    files = [metrics("base", 0, 60.0, "BK"), covered(metrics("base", 0, 70.0, "VT"), 2, 3)]
    files[0][1]["about"]["queries"] = 5
    assert summarise(files)["rows"][-1]["coverage"] == {"queries": 7, "of": 8}
    assert "† base, mean of 2: 7 of 8 queries" in render_markdown(summarise(files))


def test_best_and_last_epoch_have_a_row_each():
    def of_epoch(epoch, r1):
        name, content = metrics("film", 0, r1)
        return epoch + name, content | {"about": content["about"] | {"epoch": epoch}}

    files = [of_epoch("best", 60.0), metrics("base", 0, 50.0), of_epoch("last", 55.0)]
    assert [row["run"] for row in summarise(files)["rows"]] == ["film (best epoch)", "film (last epoch)", "base"]
    assert "| film (last epoch) | 1 | 55.00 |" in render_markdown(summarise(files))
    with pytest.raises(UserError, match=r"run film \(best epoch\), scope all, seed 0 is also in bestfilm"):
        summarise([*files, of_epoch("best", 1.0)])


def test_names_break_no_table():
    name = "a|b\\c\nd^e~f"
    tested = render_markdown(summarise([metrics(name, 0, 60.0), metrics("b", 0, 60.0)], against=name))
    assert "\nPaired tests against a|b\\c d^e~f, two-sided" in tested
    summary = summarise([metrics(name, 0, 60.0)])
    assert "| a\\|b\\\\c d^e~f | 1 | 60.00 |" in render_markdown(summary)
    latex = "a|b\\textbackslash{}c d\\textasciicircum{}e\\textasciitilde{}f & 1 & 60.00"
    assert latex in render_latex(summary)
    assert next(csv.DictReader(io.StringIO(render_csv(summary))))["run"] == name


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
    # As many of as many, and nothing says which: those of nobody are tested.
    assert summarise(files, against="a")["tests"] == []
    assert summarise(files, [base[1]], against="a")["tests"] == []
    # Over all queries, but of ground truths of other sizes.
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
    with pytest.raises(UserError, match=r"b-None-1\.json: about\.labelled: not that of b-None-0\.json"):
        summarise([part, metrics("b", 1, 50.0)])
    # A row of means sums up its scopes.
    scopes = [metrics("b", 0, 50.0, scope) for scope in ("x", "y")]
    scopes[0][1]["about"] |= {"labelled": labelled, "queries": 4}
    scopes[1][1]["about"] |= {"queries": 5}
    assert summarise(scopes)["rows"][-1]["labelled"] == {"moments": 8, "highlights": 9, "of": 9}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"brief": {}}, r"brief: .* at least 1 item"),
        ({"about": []}, r"about: must be an object, got \[\]"),
        ({"about": {"run": "a", "coverage": {"queries": 9, "of": 6}}}, r"about\.coverage: more queries than there are"),
        ({"about": {"run": "a", "coverage": 1}}, r"about\.coverage: must be an object, got 1"),
        ({"about": {"run": "a", "labelled": {"moments": 9, "of": 6}}}, r"about\.labelled: more queries than there are"),
        (
            {"about": {"run": "a", "queries": 5, "coverage": {"queries": 4, "of": 6}}},
            r"about: queries is 5, but another",
        ),
        (
            {"about": {"run": "a", "queries": 5, "labelled": {"moments": 4, "of": 6}}},
            r"about: queries is 5, but another",
        ),
    ],
)
def test_counts_that_cannot_be_are_refused(change, message):
    content = {"brief": {"MR-full-mAP": 1.0}, "about": {"run": "a"}} | change
    with pytest.raises(UserError, match=rf"a\.json: {message}") as problem:
        summarise([("a.json", content)])
    assert "\n" not in str(problem.value)
