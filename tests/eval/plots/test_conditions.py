"""The figure of runs under conditions, for any number of seeds, and with gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import UserError
from eval.conditions.comparison import compare_files
from eval.conditions.plan import read_plan
from eval.plots.conditions import choose_looks, plot_conditions
from eval.plots.style import COLOURS
from tests.eval.conditions.results import RUNS, TRUTH, make_plan, write_study


def compare(folder: Path, seeds: list[int], **options: Any) -> dict[str, Any]:
    results = write_study(folder, seeds)
    return compare_files(read_plan(json.dumps(make_plan(seeds, **options))), results, [TRUTH])


@pytest.mark.parametrize("count", [1, 2, 5])
def test_picture(tmp_path: Path, png_size: Any, count: int) -> None:
    """One condition in six rows: mAP, its difference from two runs, and three rows for the gates."""
    result = compare(tmp_path, list(range(count)))
    for name in ("one.png", "two.png", "one.svg"):
        plot_conditions(result, [tmp_path / name])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert png_size(tmp_path / "one.png")[1] == pytest.approx(150 * (1.9 * 6 + 0.9 + 0.18 * 2), abs=2)
    text = (tmp_path / "one.svg").read_text()
    assert "delay (s)" in text and "film: film in words" in text
    assert f"means over {count} seed" in text and ("bars of differences: 95 % intervals" in text) == (count > 2)


def test_what_is_missing_leaves_its_panels_out(tmp_path: Path, png_size: Any) -> None:
    result = compare(tmp_path, [1, 2, 3], runs=["concat", "base"])
    for row in result["rows"]:
        row["gates"] = dict.fromkeys(row["gates"])
    plot_conditions(result, [tmp_path / "p.png"])
    assert png_size(tmp_path / "p.png")[1] == pytest.approx(150 * (1.9 * 2 + 0.9 + 0.18), abs=2)
    with pytest.raises(UserError, match="not a comparison"):
        plot_conditions({}, [tmp_path / "x.png"])


def test_an_empty_panel_says_so_and_leaves_the_row_its_ticks(tmp_path: Path) -> None:
    """A condition whose levels are parts of one split has no gates per level."""
    result = compare(tmp_path, [1, 2])
    result["conditions"].append({"name": "loud", "label": "loudness (dB)", "levels": [-6.0, 6.0]})
    for row in [row for row in result["rows"] if row["level"] == 0]:
        for level in (-6.0, 6.0):
            gates = dict.fromkeys(row["gates"])
            result["rows"].append({**row, "condition": "loud", "level": level, "gates": gates})
    plot_conditions(result, [tmp_path / "p.svg"])
    text = (tmp_path / "p.svg").read_text()
    assert text.count(">no results<") == 3 and ">0.80<" in text


def test_a_run_like_another_has_its_colour_and_a_dashed_line() -> None:
    looks = choose_looks(make_plan([1])["runs"])
    assert list(looks) == list(RUNS)
    assert looks["film"].colour == looks["base"].colour and (looks["base"].line, looks["film"].line) == ("-", "--")
    assert len({looks[run].colour for run in ("video_only", "concat", "base")}) == 3
    # What it is like is not drawn: a colour of its own.
    alone = choose_looks([run for run in make_plan([1])["runs"] if run["name"] != "base"])
    assert alone["film"].line == "-"


def test_no_two_runs_look_alike() -> None:
    """Twelve runs, as the study of gates has them, are more than there are colours."""
    looks = choose_looks([{"name": f"{run}", "like": None} for run in range(40)])
    assert len(set(looks.values())) == 40 > len(COLOURS)
