"""The figure of paired differences: its numbers, one seed, equal values, and equal bytes for equal input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import UserError
from eval.plots.differences import plot_differences
from eval.study.summary import summarise

KEYS = ("MR-full-R1@0.5", "MR-full-mAP")


def make_summary(values: dict[str, list[float]], **about: Any) -> dict[str, Any]:
    files = [
        (f"{run} {seed}", {"brief": dict.fromkeys(KEYS, value), "about": {"run": run, "seed": seed, **about}})
        for run, numbers in values.items()
        for seed, value in enumerate(numbers)
    ]
    return summarise(files)


def draw(folder: Path, summary: dict[str, Any], *arguments: Any) -> str:
    plot_differences(summary, [folder / "d.svg"], *arguments)
    return (folder / "d.svg").read_text(encoding="utf-8")


def test_scores_and_differences_are_written_beside_the_bars(tmp_path: Path) -> None:
    summary = make_summary({"base": [50.0, 52.0, 54.0], "film": [51.0, 54.0, 57.0], "random": [5.0] * 3})
    text = draw(tmp_path, summary)
    assert "52.0 ± 2.0" in text and "54.0 ± 3.0" in text and "minus base" in text
    # 1, 2 and 3 points: 2 ± 4.303 / sqrt(3).
    assert text.count("+2.0 (-0.5 to +4.5)") >= 2
    assert "random" not in text  # chance would hide what runs differ by
    assert "-2.0 (-4.5 to +0.5)" in draw(tmp_path, summary, "film")


def test_one_seed_and_equal_values(tmp_path: Path) -> None:
    text = draw(tmp_path, make_summary({"base": [50.0], "film": [50.0]}))
    assert "One seed per run" in text and "+0.0" in text and "-0.0" not in text and "±" not in text
    text = draw(tmp_path, make_summary({"base": [50.0] * 4, "film": [50.0] * 4}, epoch="best"))
    assert "+0.0 (+0.0 to +0.0)" in text and "Runs compared (best epoch)" in text


def test_runs_without_a_seed_in_common_have_no_difference_and_the_figure_says_why(tmp_path: Path) -> None:
    why = "no scores of one seed over the same queries"
    summary = make_summary({"base": [50.0, 51.0], "film": [52.0, 54.0]})
    assert why not in draw(tmp_path, summary)
    for seeds in ([0, 1], [0]):  # also with one seed per run
        for row in summary["rows"]:
            row["seeds"] = [seed + 5 * (row["run"] == "film") for seed in seeds]
            for value in row["values"].values():
                value["by_seed"] = value["by_seed"][: len(seeds)]
        assert why in draw(tmp_path, summary)


def test_intervals_over_two_seeds_are_not_drawn(tmp_path: Path) -> None:
    text = draw(tmp_path, make_summary({"base": [50.0, 51.0], "film": [52.0, 54.0]}))
    assert "+2.5" in text and "+2.5 (" not in text


@pytest.mark.parametrize("runs", [1, 12])
def test_long_names_many_runs_and_equal_bytes(tmp_path: Path, png_size: Any, runs: int) -> None:
    summary = make_summary({f"a name of run {run} " * 9: [50.0 + run, 51.0] for run in range(runs)})
    for name in ("one.png", "two.png"):
        plot_differences(summary, [tmp_path / name])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert png_size(tmp_path / "one.png")[0] == 11 * 150


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a summary"):
        plot_differences({}, [tmp_path / "x.png"])
    with pytest.raises(UserError, match="--against x: no such run"):
        plot_differences(make_summary({"base": [1.0]}), [tmp_path / "x.png"], "x")
