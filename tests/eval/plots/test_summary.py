"""The figure of runs: all their numbers, marks of partial runs, and equal bytes for equal input."""

from __future__ import annotations

import re

import pytest

from cli import UserError
from eval.plots.summary import plot_summary
from eval.study.summary import summarise


@pytest.mark.parametrize("runs", [1, 12])
def test_summary_picture(tmp_path, png_size, runs):
    files = [
        (
            f"{run} {seed}",
            {
                "brief": {"MR-full-R1@0.5": 50.0 + run + seed, "MR-full-mAP": 30.0 if run else None},
                "subsets": {"modality=audio": {"queries": 3, "MR-full-R1@0.5": 40.0}},
                "about": {"run": "random" if run == 11 else f"run {run} " * 9, "seed": seed},
            },
        )
        for run in range(runs)
        for seed in range(2)
    ]
    summary = summarise(files)
    for name in ("one.png", "two.png"):
        plot_summary(summary, [tmp_path / name])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert png_size(tmp_path / "one.png")[1] == pytest.approx(150 * (0.34 * runs + 1.9), abs=2)
    with pytest.raises(UserError, match="not a summary"):
        plot_summary({}, [tmp_path / "x.png"])


def test_runs_over_a_part_of_the_queries_are_marked_in_the_picture(tmp_path):
    """As in the tables: a dagger after the name, and its meaning below."""
    about = {"run": "a long name " * 2, "seed": 1, "queries": 8, "coverage": {"queries": 8, "of": 10}}
    other = {"run": "other", "seed": 1, "queries": 10}
    files = [(str(one), {"brief": {"mAP": 50.0}, "about": one}) for one in (about, other)]
    plot_summary(summarise(files), [tmp_path / "s.svg"])
    text = (tmp_path / "s.svg").read_text()
    assert len(re.findall(r">[^<]* †<|<!-- [^>]* † -->", text)) == 1
    assert "8 of 10 queries, not comparable with full-set numbers" in text
