"""Figure of runs under conditions: scores, paired differences and calibration of gates against the level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cli import UserError
from eval.plots.style import COLOURS, INK, QUIET, fit_text, house_style, save_figure

SCORE = ("MR-full-mAP", "mAP avg")
GATES = (("gate", "mean audio gate", None), ("auc", "AUC of the gate", 0.5), ("rho", "ρ of the gate", 0.0))
"""Numbers on gates, each with its label and where to draw a line across."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Intervals over fewer seeds would be wider than the panels: seeds are drawn as dots instead.
FEWEST_SEEDS = 3
ACROSS, DOWN = 2.7, 1.9
"""Inches per panel."""
FITS_TITLE = 3
"""Conditions from which the figure is as wide as its title."""
Value = Callable[[dict[str, Any]], dict[str, Any] | None]


@dataclass(frozen=True)
class Look:
    """How a run is drawn."""

    colour: str
    line: Literal["-", "--"]
    marker: str


LOOKS = [
    Look(colour, "-", MARKERS[(place + turn) % len(MARKERS)])
    for turn in range(len(MARKERS))
    for place, colour in enumerate(COLOURS)
]
"""Where there are more runs than colours, these come again with other markers."""


def plot_conditions(result: dict[str, Any], paths: Sequence[Path]) -> None:
    """Draw the result of `conditions`, and save the figure to each path, .png or .svg.

    A column per condition; a row for mAP, one for its difference from each run that others are compared with, and
    three for the gates. Panels of a row share their scale.

    Raises:
        UserError: `result` is not one of `conditions`.
    """
    if not result.get("rows") or "conditions" not in result:
        raise UserError("not a comparison: 'rows' or 'conditions' are missing (make one with `conditions`)")
    looks = choose_looks(result["runs"])
    lines: list[tuple[str, Value, float | None]] = [(f"{SCORE[1]} (%)", lambda row: row["values"].get(SCORE[0]), None)]
    for other in result["against"]:
        if any(other in row["differences"] for row in result["rows"]):
            lines.append((f"{SCORE[1]} minus\n{fit_text(other, 24)}", _difference_from(other), 0.0))
    for key, label, chance in GATES:
        if any(row["gates"][key] for row in result["rows"]):
            lines.append((label, lambda row, key=key: row["gates"][key], chance))  # type: ignore[misc]
    conditions = result["conditions"]
    with house_style():
        figure = Figure(
            figsize=(ACROSS * len(conditions) + 1.0, DOWN * len(lines) + 0.9 + 0.18 * -(-len(looks) // 3)),
            layout="constrained",
        )
        figure.suptitle(_title(result), x=0.01, ha="left", fontsize=10, color=INK)
        grid = figure.subplots(len(lines), len(conditions), squeeze=False, sharex="col", sharey="row")
        for down, (label, value, reference) in enumerate(lines):
            for across, condition in enumerate(conditions):
                axes = grid[down, across]
                rows = [row for row in result["rows"] if row["condition"] == condition["name"]]
                draw_panel(axes, rows, value, looks, reference)
                if down == len(lines) - 1:
                    axes.set_xlabel(_wrapped(condition["label"]), fontsize=8)
                axes.set_xticks(condition["levels"], [f"{level:g}" for level in condition["levels"]])
            grid[down, 0].set_ylabel(label, fontsize=8)
        names = {run["name"]: run["label"] for run in result["runs"]}
        handles = [
            Line2D([], [], color=look.colour, linestyle=look.line, marker=look.marker, markersize=4,
                   label=fit_text(f"{run}: {names[run]}" if names[run] else run, 60))
            for run, look in looks.items()
        ]  # fmt: skip
        columns = max(1, min(3, len(conditions)))
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=7, handlelength=2.6)
        save_figure(figure, paths)


def choose_looks(runs: Sequence[dict[str, Any]]) -> dict[str, Look]:
    """A colour and a marker per run, each pair once; a run that is like another has both of that, and a dashed line."""
    names = {run["name"] for run in runs}
    unused = cycle(LOOKS)
    looks = {run["name"]: next(unused) for run in runs if run["like"] not in names}
    for run in runs:
        if run["like"] in names:
            like = looks.get(run["like"], LOOKS[-1])
            looks[run["name"]] = Look(like.colour, "--", like.marker)
    return {run["name"]: looks[run["name"]] for run in runs}


def draw_panel(
    axes: Axes, rows: Sequence[dict[str, Any]], value: Value, looks: dict[str, Look], reference: float | None
) -> None:
    """Draw one number against the level: a line per run through the means, with intervals, or dots for few seeds.

    Runs are moved apart a little, so that their intervals do not cover each other. `reference`: where to draw a line
    across, such as 0 for differences.
    """
    if reference is not None:
        axes.axhline(reference, color=QUIET, linewidth=0.8, linestyle=":")
    levels = sorted({row["level"] for row in rows})
    step = min(np.diff(levels), default=1.0)
    drawn = False
    for place, (run, look) in enumerate(looks.items()):
        points = [(row["level"], found) for row in rows if row["run"] == run and (found := value(row)) is not None]
        if not points:
            continue
        drawn = True
        moved = 0.3 * step * ((place + 0.5) / len(looks) - 0.5)
        at = np.array([level for level, _ in points]) + moved
        means = [found["mean"] for _, found in points]
        axes.plot(at, means, look.line, color=look.colour, marker=look.marker, markersize=3, linewidth=1.1)
        for x, (_, found) in zip(at, points, strict=True):
            seeds = [number for number in found["by_seed"] if number is not None]
            interval = found.get("interval")
            if interval is not None and len(seeds) >= FEWEST_SEEDS:
                axes.plot([x, x], interval, color=look.colour, linewidth=0.8, alpha=0.7)
            elif 1 < len(seeds) < FEWEST_SEEDS:
                axes.plot([x] * len(seeds), seeds, ".", color=look.colour, markersize=3, alpha=0.5)
    if not drawn:
        # Not `explain_empty`: it would take the ticks away from all panels of the row.
        axes.text(0.5, 0.5, "no results", transform=axes.transAxes, ha="center", va="center", fontsize=8, color=QUIET)
    axes.grid(True, axis="y")
    axes.tick_params(labelsize=7)


def _difference_from(other: str) -> Value:
    return lambda row: row["differences"].get(other, {}).get(SCORE[0])


def _title(result: dict[str, Any]) -> str:
    counts = sorted({len(row["seeds"]) for row in result["rows"]})
    seeds = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    between = ";\n" if len(result["conditions"]) < FITS_TITLE else "; "
    intervals = f"{between}bars of differences: 95 % intervals over seeds" if counts[-1] >= FEWEST_SEEDS else ""
    return f"Runs under conditions: means over {seeds} seed{'s' if counts[-1] > 1 else ''}{intervals}"


def _wrapped(label: str, most: int = 30) -> str:
    """A label on up to three lines."""
    lines = [""]
    for word in label.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most and len(lines) < 3:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)
