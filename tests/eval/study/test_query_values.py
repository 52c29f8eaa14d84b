"""Values per query: checked against the metrics, for the same queries."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.study.summary import summarise
from tests.eval.study.metrics_files import metrics, values


def test_values_must_be_those_of_the_metrics():
    files = [metrics("base", 0, 50.0), metrics("base", 1, 60.0)]
    # The metric is rounded to two decimals.
    assert summarise(files, [values("base", 0, [49.996, 50.0129])])
    wrong = {
        "another seed's": (
            values("base", 0, [60.0, 60.0]),
            r"R1@0\.5: the mean is 60\.0000, but 50\.0 in base-None-0\.json",
        ),
        "no such seed": (values("base", 2, [50.0]), r"no metrics file for run base, scope all, seed 2"),
        "no such scope": (values("base", 0, [50.0], scope="BK"), r"no metrics file for run base, scope BK, seed 0"),
        "none count": (values("base", 0, [None]), r"the mean is none, but 50\.0 in base-None-0\.json"),
        "unknown metric": (values("base", 0, [50.0]), r"values\.x: the mean is 50\.0000, but none in"),
    }
    wrong["unknown metric"][0][1]["values"]["x"] = [50.0]
    for (name, content), message in wrong.values():
        with pytest.raises(UserError, match=rf"{name}: .*{message}"):
            summarise(files, [(name, content)])
    with pytest.raises(UserError, match=r"b\.json: values\.MR-full-R1@0\.5: other queries count than in base-0"):
        other = "b.json", values("base", 1, [None, 60.0])[1]
        summarise(files, [values("base", 0, [50.0, 50.0]), other])


def test_values_that_do_not_fit_are_refused():
    files = [metrics("base", 0, 1.0), metrics("film", 0, 1.0)]
    with pytest.raises(UserError, match=r"film-0\.values\.json: qids: other queries than in base-0\.values\.json"):
        summarise(files, [values("base", 0, [1.0]), values("film", 0, [1.0], qids=[9])])
    with pytest.raises(UserError, match=r"base-0\.values\.json: values\.MR-full-R1@0\.5: 1 values for 2 qids"):
        summarise(files, [values("base", 0, [1.0], qids=[1, 2])])
    with pytest.raises(UserError, match="a query occurs twice"):
        summarise(files, [values("base", 0, [1.0, 1.0], qids=[1, 1])])
    with pytest.raises(UserError, match=r"0\.json: not a file of `score --per-query`"):
        summarise(files, files)
    with pytest.raises(UserError, match="--against best: no such run, choose from base, film"):
        summarise(files, against="best")
