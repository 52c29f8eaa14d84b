"""Files grouped by run, scope and seed."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.study.rendering import render_markdown
from eval.study.summary import summarise
from tests.eval.study.metrics_files import metrics


def test_files_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match=r"a\.json: does not name its run"):
        summarise([("a.json", {"brief": {}})])
    with pytest.raises(UserError, match=r"a\.json: not a metrics file"):
        summarise([("a.json", {})])
    with pytest.raises(UserError, match=r"is also in base-None-0\.json"):
        summarise([metrics("base", 0, 1.0), metrics("base", 0, 2.0)])


def test_seeds_are_in_order_of_number():
    (row,) = summarise([metrics("base", seed, float(seed)) for seed in (10, 9, 1)])["rows"]
    assert row["seeds"] == [1, 9, 10] and row["values"]["MR-full-R1@0.5"]["by_seed"] == [1.0, 9.0, 10.0]


def test_best_and_last_epoch_have_a_row_each():
    def of_epoch(epoch, r1):
        name, content = metrics("film", 0, r1)
        return epoch + name, content | {"about": content["about"] | {"epoch": epoch}}

    files = [of_epoch("best", 60.0), metrics("base", 0, 50.0), of_epoch("last", 55.0)]
    assert [row["run"] for row in summarise(files)["rows"]] == ["film (best epoch)", "film (last epoch)", "base"]
    assert "| film (last epoch) | 1 | 55.00 |" in render_markdown(summarise(files))
    with pytest.raises(UserError, match=r"run film \(best epoch\), scope all, seed 0 is also in bestfilm"):
        summarise([*files, of_epoch("best", 1.0)])
