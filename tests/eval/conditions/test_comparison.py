"""Scores, paired differences and gates by level, with numbers that follow by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import UserError
from eval.conditions.comparison import compare_files
from eval.conditions.plan import Plan, read_plan
from eval.conditions.rendering import render_csv, render_latex, render_markdown
from tests.eval.conditions.results import TRUTH, make_plan, write_gates, write_values


def plan_of(*arguments: Any, **options: Any) -> Plan:
    return read_plan(json.dumps(make_plan(*arguments, **options)))


def row_of(result: dict[str, Any], run: str, level: float) -> dict[str, Any]:
    [row] = [row for row in result["rows"] if (row["run"], row["level"]) == (run, level)]
    return row


@pytest.fixture
def results(tmp_path: Path) -> str:
    """Three seeds, in which base is 10, 20 and 30 above concat, and concat 5 above video_only throughout."""
    for seed in (1, 2, 3):
        write_values(tmp_path, "video_only", seed, [20.0, 20.0, 20.0, 20.0])
        write_values(tmp_path, "concat", seed, [25.0, 25.0, 25.0, 25.0])
        gain = 10.0 * seed
        write_values(tmp_path, "base", seed, [25.0 + gain - 4, 25.0 + gain + 4, 25.0 + gain, 25.0 + gain])
        write_gates(tmp_path, "base", seed, 0.5 + seed / 10)
        for run in ("concat", "base"):
            write_values(tmp_path, f"{run}.shift_5", seed, [10.0, 30.0, 10.0, 10.0])
    write_gates(tmp_path, "base.shift_5", 1, None)
    return f"{tmp_path}/{{run}}/seed{{seed}}"


def test_differences_pair_seeds(results: str) -> None:
    """Student's 97.5 % quantile with 2 degrees of freedom is 4.3027; the sd of 10, 20, 30 is 10."""
    result = compare_files(plan_of([1, 2, 3], ["video_only", "concat", "base"]), results, [TRUTH], ["modality"])
    base = row_of(result, "base", 0)
    assert base["values"]["MR-full-mAP"] == {"mean": 45.0, "sd": 10.0, "by_seed": [35.0, 45.0, 55.0]}
    gain = base["differences"]["concat"]["MR-full-mAP"]
    assert (gain["mean"], gain["by_seed"]) == (20.0, [10.0, 20.0, 30.0])
    assert gain["interval"] == pytest.approx([20 - 24.8414, 20 + 24.8414], abs=1e-3)
    # The mean over seeds gains 16, 24, 20 and 20 by query: the bootstrap stays within.
    low, high = gain["interval_queries"]
    assert 16 <= low < 20 < high <= 24
    assert base["differences"]["video_only"]["MR-full-mAP"]["mean"] == 25.0
    # A difference without spread has an interval without width, and no test.
    steady = row_of(result, "concat", 0)["differences"]["video_only"]["MR-full-mAP"]
    assert (steady["interval"], steady["p"]) == ([5.0, 5.0], None)
    assert "concat" not in row_of(result, "concat", 0)["differences"]


def test_levels_and_parts(results: str) -> None:
    """video_only hears nothing, so its scores at level 5 are those of level 0."""
    result = compare_files(plan_of([1, 2, 3], ["video_only", "concat", "base"]), results, [TRUTH], ["modality"])
    assert result["conditions"] == [{"name": "shift", "label": "delay (s)", "levels": [0.0, 5.0]}]
    assert row_of(result, "video_only", 5)["values"] == row_of(result, "video_only", 0)["values"]
    shifted = row_of(result, "base", 5)
    assert shifted["values"]["modality=audio/MR-full-R1@0.5"]["mean"] == 30.0
    assert shifted["values"]["modality=visual/MR-full-R1@0.5"]["mean"] == 10.0
    assert shifted["differences"]["concat"]["MR-full-R1@0.5"]["mean"] == 0.0
    assert shifted["differences"]["video_only"]["modality=audio/MR-full-R1@0.5"]["mean"] == 10.0
    assert result["missing"] == []


def test_gates_beside_scores(results: str) -> None:
    result = compare_files(plan_of([1, 2, 3], ["video_only", "concat", "base"]), results, [TRUTH])
    assert row_of(result, "base", 0)["gates"]["auc"] == {"mean": 0.7, "sd": 0.1, "by_seed": [0.6, 0.7, 0.8]}
    # An area is unknown where all sound was replaced; the others of that seed are known.
    gates = row_of(result, "base", 5)["gates"]
    assert gates["auc"] is None and gates["rho"]["mean"] == 0.5
    assert row_of(result, "concat", 0)["gates"]["auc"] is None


def test_one_seed_has_differences_without_intervals(results: str) -> None:
    result = compare_files(plan_of([2], ["concat", "base"]), results, [TRUTH])
    gain = row_of(result, "base", 0)["differences"]["concat"]["MR-full-mAP"]
    assert (gain["mean"], gain["interval"], gain["p"]) == (20.0, None, None)
    assert "| shift | 0 | base | 1 | 45.0 | 45.0 | +20.0 | +20.0 | 0.70 | 0.70 | 0.50 |" in render_markdown(result)


def test_what_is_missing_is_left_out_and_named(results: str) -> None:
    """Seed 4 has not been trained, nor has film: base and concat are compared over the seeds that they have."""
    result = compare_files(plan_of([1, 2, 3, 4]), results, [TRUTH])
    assert [run["name"] for run in result["runs"]] == ["video_only", "concat", "base"]
    assert row_of(result, "base", 0)["seeds"] == [1, 2, 3]
    # Of three runs at two levels seed 4 (video_only has one file), and of film all four seeds at both.
    assert len(result["missing"]) == 5 + 8
    assert "Without results yet: 13 files, such as " in render_markdown(result)
    Path(results.format(run="concat", seed=3), "queries_val.json").unlink()
    gain = row_of(compare_files(plan_of([1, 2, 3]), results, [TRUTH]), "base", 0)["differences"]["concat"]
    assert gain["MR-full-mAP"]["by_seed"] == [10.0, 20.0]
    with pytest.raises(UserError, match=r"none of 4 files with results is there, such as .*seed9/queries_val\.json"):
        compare_files(plan_of([9], ["concat", "base"]), results, [TRUTH])


def test_levels_by_an_annotation_key(results: str) -> None:
    """Queries 1 and 2 are at -6, the others at 6: base gains 4 less in query 1 and 4 more in query 2."""
    result = compare_files(plan_of([1, 2, 3], ["concat", "base"], level_key="loudness"), results, [TRUTH], ["modality"])
    assert result["conditions"][0]["levels"] == [-6.0, 6.0]
    soft, loud = (row_of(result, "base", level) for level in (-6, 6))
    assert (soft["queries"], loud["queries"]) == (2, 2)
    assert soft["values"]["modality=audio/MR-full-R1@0.5"]["by_seed"] == [39.0, 49.0, 59.0]
    assert loud["values"]["modality=audio/MR-full-R1@0.5"] is None
    assert soft["gates"]["auc"] is None  # the calibrations are of the whole split
    for seed in (1, 2, 3):
        levels = {"-6": {"gate": 0.1 * seed}, "6": {"gate": 0.5}}
        Path(results.format(run="base", seed=seed), "calibration_val.json").write_text(json.dumps(levels))
    result = compare_files(plan_of([1, 2, 3], ["concat", "base"], level_key="loudness"), results, [TRUTH])
    assert row_of(result, "base", -6)["gates"]["gate"]["mean"] == 0.2
    assert row_of(result, "base", 6)["gates"]["gate"]["mean"] == 0.5
    with pytest.raises(UserError, match="condition shift: no row of val has a number 'level'"):
        compare_files(plan_of([1], level_key="level"), results, [TRUTH])


def test_tables(results: str) -> None:
    result = compare_files(plan_of([1, 2, 3], ["video_only", "concat", "base"]), results, [TRUTH])
    markdown, latex, table = render_markdown(result), render_latex(result), render_csv(result)
    assert "- shift: delay (s)" in markdown and "- Runs: video_only: video_only in words, " in markdown
    assert "| +20.0 [−4.8, +44.8] |" in markdown and "| +5.0 [+5.0, +5.0] |" in markdown
    assert "shift & 0 & base & 3 & 45.0 $\\pm$ 10.0" in latex and "video\\_only" in latex and "−" not in latex
    assert "$\\pm$ 0.10 & 0.50 $\\pm$ 0.00 \\\\" in latex
    assert "shift,0,base,MR-full-mAP,,3,45.0,10.0,,,,," in table
    assert "shift,0,base,MR-full-mAP,concat,3,20.0,,-4.8414,44.8414,0.0741" in table
    assert "shift,0,base,auc,,3,0.7,0.1,,,,," in table


def test_files_that_do_not_fit_are_named(results: str, tmp_path: Path) -> None:
    write_values(tmp_path, "base", 2, [1.0, 2.0, 3.0], qids=[1, 2, 3])
    with pytest.raises(UserError, match=r"base/seed2/queries_val.json: qids: other queries than in .*concat/seed1"):
        compare_files(plan_of([1, 2, 3], ["concat", "base"]), results, [TRUTH])
    with pytest.raises(UserError, match="--ground-truth: one file for each of the splits val, got 2"):
        compare_files(plan_of([1]), results, [TRUTH, TRUTH])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": 3}, "--plan: runs: .* got 3"),
        ({"seeds": ["a"]}, r"--plan: seeds\.0: "),
        ({"conditions": []}, "--plan: cells: 'shift' is not one of the conditions"),
    ],
)
def test_a_malformed_plan_is_one_line(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_plan(json.dumps(make_plan([1]) | change))
    with pytest.raises(UserError, match="--plan: not JSON"):
        read_plan("{")
