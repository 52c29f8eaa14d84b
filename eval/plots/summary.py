"""Figure that compares runs: one dot per seed, a bar at the mean, chance as a dashed line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cli import UserError
from eval.plots.style import COLOURS, INK, QUIET, fit_text, house_style, save_figure
from eval.study.rendering import find_marks, find_notes

PANELS = ("MR-full-R1@0.5", "MR-full-mAP", "mAP", "mAP-last", "mAP-best")
MOST_SUBSETS = 6
NAME_LENGTH = 26


def plot_summary(summary: dict[str, Any], paths: Sequence[Path]) -> None:
    """Draw a summary and save the figure to each path, .png or .svg: R1@0.5, mAP, and R1@0.5 per part (modality first).

    One row per run (and scope, if there are several), one panel per metric; each panel has its own scale in percent,
    since readers compare rows, not panels.

    Raises:
        UserError: `summary` is not the result of `summarise`, or has none of these metrics.
    """
    if not summary.get("rows") or "columns" not in summary:
        raise UserError("not a summary: 'rows' or 'columns' are missing (make one with `summarise`)")
    rows = summary["rows"]
    panels = [column for key in PANELS for column in summary["columns"] if column["key"] == key]
    subsets = [column for column in summary["columns"] if column["subset"]]
    subsets.sort(key=lambda column: not column["subset"].startswith("modality="))
    panels += subsets[:MOST_SUBSETS]
    if not panels:
        raise UserError("the summary has neither R1@0.5 nor mAP")
    several = len({row["scope"] for row in rows}) > 1
    names = [_name(row, several) for row in rows]
    notes = [f"{mark} {note}" for mark, note in find_notes(summary)]
    with house_style():
        # Three panels per line: more would leave too little width to tell runs apart.
        across = min(3, len(panels))
        down = -(-len(panels) // across)
        figure = Figure(
            figsize=(3.4 * across + 1.8, (0.34 * len(rows) + 1.0) * down + 0.9 + 0.2 * len(notes)), layout="constrained"
        )
        figure.suptitle("Runs compared: a dot is a seed, the bar the mean", x=0.01, ha="left", fontsize=12, color=INK)
        if notes:
            # The layout reserves room for `supxlabel` below all panels.
            figure.supxlabel("\n".join(fit_text(note, 85 * across) for note in notes), x=0.01, ha="left", fontsize=7)
        for index, column in enumerate(panels):
            axes = figure.add_subplot(down, across, index + 1)
            _draw_panel(axes, column, rows)
            axes.set_yticks(range(len(rows)), names if index % across == 0 else [""] * len(rows))
        save_figure(figure, paths)


def _name(row: dict[str, Any], several: bool) -> str:
    """Name of a row, with the marks that tables use for numbers over a part of the queries."""
    marks = "".join(f" {mark}" for mark in find_marks(row))
    name = f"{row['run']} · {row['scope']}" if several else row["run"]
    return fit_text(name, NAME_LENGTH - len(marks)) + marks


def _draw_panel(axes: Axes, column: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    for place, row in enumerate(rows):
        value = row["values"].get(column["key"])
        if value is None:
            axes.text(0.5, place, "–", transform=axes.get_yaxis_transform(), ha="center", va="center", color=QUIET)
            continue
        colour = QUIET if row["baseline"] else COLOURS[0]
        seeds = [number for number in value["by_seed"] if number is not None]
        axes.plot([value["mean"]] * 2, [place - 0.32, place + 0.32], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(seeds, [place] * len(seeds), "o", color=colour, alpha=0.55, markersize=6, markeredgewidth=0)
        axes.annotate(
            f"{value['mean']:.1f}", (value["mean"], place - 0.32), (0, 1), textcoords="offset points",
            ha="center", va="bottom", fontsize=7, color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
        if row["baseline"]:
            axes.axvline(value["mean"], color=QUIET, linestyle="--", linewidth=0.8, zorder=0)
    queries = f", {column['queries']} queries" if column["queries"] else ""
    axes.set_title(fit_text(column["label"] + queries, 40))
    axes.set_xlabel("percent")
    axes.set_ylim(len(rows) - 0.4, -0.75)
    axes.margins(x=0.12)
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
