"""The table of runs: grouping, mean and spread, columns, order."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.summarise import render_markdown, summarise


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
