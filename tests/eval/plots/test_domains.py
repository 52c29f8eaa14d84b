"""The figure of TVSum's domains: bars, marks and lines at the numbers of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from cli import UserError
from eval.plots import domains
from eval.plots.domains import plot_domains
from eval.tvsum.table import make_table

REFERENCES = {"chance": 38.0, "mean human": 72.0, "best found (25 clips)": 93.0, "best found (all clips)": 90.0}


def make(runs: dict[str, list[float]], names: tuple[str, ...] = ("BK", "VT"), best: float | None = 3.0) -> Any:
    references = {name: {"mAP": {**dict.fromkeys(names, value), "mean": value}} for name, value in REFERENCES.items()}
    files = []
    for run, numbers in runs.items():
        for seed, value in enumerate(numbers):
            rows = {"last epoch": {"mAP": {**dict.fromkeys(names, value), "mean": value}}}
            if best is not None:
                rows["best epoch"] = {"mAP": {**dict.fromkeys(names, value + best), "mean": value + best}}
            files.append((f"{run} {seed}", {"about": {"run": run, "seed": seed}, "rows": {**rows, **references}}))
    return make_table(files)


def drawn(table: Any, monkeypatch: pytest.MonkeyPatch) -> Figure:
    kept: list[Figure] = []
    monkeypatch.setattr(domains, "save_figure", lambda figure, paths: kept.append(figure))
    plot_domains(table, [])
    return kept[0]


def test_bars_are_the_last_epoch_and_lines_the_references(monkeypatch: pytest.MonkeyPatch) -> None:
    (axes,) = drawn(make({"base": [60.0, 64.0], "film": [70.0, 70.0]}), monkeypatch).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [62.0] * 3 + [70.0] * 3
    levels = {float(line.get_ydata()[0]) for line in axes.lines if len(set(line.get_ydata())) == 1}
    assert {65.0, 73.0, 38.0, 72.0, 93.0} <= levels and 90.0 not in levels
    assert [label.get_text() for label in axes.get_xticklabels()] == ["BK", "VT", "mean"]


def test_the_only_epoch_is_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(make({"base": [60.0]}, best=None), monkeypatch)
    assert "best epoch" not in [text.get_text() for text in figure.legends[0].get_texts()]


def test_words_say_what_bars_and_thin_lines_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def words(table: Any) -> tuple[str, list[str]]:
        figure = drawn(table, monkeypatch)
        return figure.axes[0].get_title(loc="left"), [text.get_text() for text in figure.legends[0].get_texts()]

    spread = "Bars: means over seeds at the last epoch. Thin lines: one standard deviation to either side."
    assert words(make({"base": [60.0, 64.0]}))[0] == spread
    assert words(make({"base": [60.0]}))[0] == "Bars: means over seeds at the last epoch."
    # A run that is scored only at the epoch that was chosen on the scored videos is marked as such.
    table = make({"base": [60.0]})
    table["rows"] = [row for row in table["rows"] if row["epoch"] != "last epoch"]
    told, names = words(table)
    assert told == "Bars: means over seeds." and names[0] == "base (best epoch)" and "best epoch" not in names


@pytest.mark.parametrize("count", [1, 14])
def test_many_runs_and_long_names(tmp_path: Path, count: int) -> None:
    table = make({f"a long name of run {run} " * 5: [60.0] for run in range(count)}, ("a long domain " * 3, "x"))
    for name in ("one.png", "two.png"):
        plot_domains(table, [tmp_path / name])
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    plot_domains(table, [tmp_path / "one.svg"])
    assert ("2 more runs are in the table" in (tmp_path / "one.svg").read_text()) == (count > 12)


def test_twelve_runs_look_different_and_none_is_black(monkeypatch: pytest.MonkeyPatch) -> None:
    """Black is the colour of the references and of the spread."""
    figure = drawn(make({f"run {run}": [60.0] for run in range(12)}), monkeypatch)
    for patches in (figure.axes[0].patches[::3], figure.legends[0].get_patches()):  # two domains and the mean
        looks = {(patch.get_facecolor(), patch.get_hatch()) for patch in patches}
        assert len(looks) == 12 and not any(colour[:3] == (0.0, 0.0, 0.0) for colour, _ in looks)


def test_a_domain_without_a_score_has_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make({"base": [60.0]})
    table["rows"][0]["values"]["mAP"]["VT"] = table["rows"][1]["values"]["mAP"]["VT"] = None
    (axes,) = drawn(table, monkeypatch).axes
    assert "–" in [text.get_text() for text in axes.texts] and len(axes.patches) == 2


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a table of domains"):
        plot_domains({"rows": [{"values": {}}]}, [tmp_path / "x.png"])
