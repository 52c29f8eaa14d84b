"""Figure that compares runs: scores with error bars over seeds, and paired differences from one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cli import UserError
from eval.markup import NONE, show_spread
from eval.plots.style import COLOURS, INK, QUIET, fit_text, house_style, save_figure
from eval.study.differences import Compared, choose_metrics, find_difference, pair_runs, split_epoch
from eval.study.rendering import find_marks, find_notes
from eval.study.run_table import DIGITS

NAME_LENGTH = 30
# An interval over two seeds is 12.7 times as wide as their distance: it would hide all others.
FEWEST_SEEDS = 3


def plot_differences(
    summary: dict[str, Any], paths: Sequence[Path], against: str | None = None, epoch: str | None = None
) -> None:
    """Draw a summary and save the figure to each path, .png or .svg.

    A line of two panels per metric: scores, with the mean and standard deviation over seeds, and differences from
    the run `against` (default: the first), each over the seeds that both have, with their mean and its 95 % interval.

    Raises:
        UserError: `summary` is not the result of `summarise`, or no run has the name `against`.
    """
    if not summary.get("rows") or "columns" not in summary:
        raise UserError("not a summary: 'rows' or 'columns' are missing (make one with `summarise`)")
    metrics = choose_metrics(summary)
    # Baselines are far away: beside them, runs would look alike.
    pairs = [pair for pair in pair_runs(summary, against, epoch) if not pair.row["baseline"]]
    against = against or pairs[0].name
    several = len({pair.row["scope"] for pair in pairs}) > 1
    names = [_name(pair, several) for pair in pairs]
    notes = [
        *_explain(pairs, metrics, against),
        *(f"{mark} {note}" for mark, note in find_notes({"rows": [dict(one.row) for one in pairs]})),
    ]
    with house_style():
        down = len(metrics)
        figure = Figure(
            figsize=(11.0, (0.27 * len(pairs) + 0.85) * down + 0.75 + 0.17 * len(notes)), layout="constrained"
        )
        _, at = split_epoch(pairs[0].row["run"])
        shown = f" ({at} epoch)" if at else ""
        figure.suptitle(f"Runs compared{shown}", x=0.01, ha="left", fontsize=12, color=INK)
        figure.supxlabel("\n".join(fit_text(note, 170) for note in notes), x=0.01, ha="left", fontsize=7, color=QUIET)
        for line, column in enumerate(metrics):
            scores = figure.add_subplot(down, 2, 2 * line + 1)
            changes = figure.add_subplot(down, 2, 2 * line + 2)
            told = _draw_scores(scores, column, pairs), _draw_differences(changes, column, pairs, against)
            for axes, labels, numbers in ((scores, names, told[0]), (changes, [""] * len(pairs), told[1])):
                _label_rows(axes, labels)
                _label_rows(axes.twinx(), numbers)
                axes.grid(True, axis="x")
        save_figure(figure, paths)


def _name(pair: Compared, several: bool) -> str:
    marks = "".join(f" {mark}" for mark in find_marks(dict(pair.row)))
    name = f"{pair.name} · {pair.row['scope']}" if several else pair.name
    return fit_text(name, NAME_LENGTH - len(marks)) + marks


def _explain(pairs: Sequence[Compared], metrics: Sequence[Mapping[str, Any]], against: str) -> list[str]:
    compared = [pair for pair in pairs if pair.name != against]
    absent = any(find_difference(pair, column["key"]) is None for pair in compared for column in metrics)
    missing = [f"{NONE} at the right: the two runs have no scores of one seed over the same queries."] * absent
    if max(len(pair.row["seeds"]) for pair in pairs) < 2:
        return ["One seed per run: nothing says how much another seed would change.", *missing]
    return [
        "Left: a dot is a seed, the tick the mean, the bar one standard deviation over the seeds to either side.",
        "Right: a dot is the difference between two runs of one seed, the tick the mean, the bar its 95 % interval over"
        " the seeds (Student's),",
        f"drawn from {FEWEST_SEEDS} seeds on. Orange: the interval does not hold 0. Chance and references are in"
        " summary.png.",
        *missing,
    ]


def _label_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _draw_scores(axes: Axes, column: Mapping[str, Any], pairs: Sequence[Compared]) -> list[str]:
    """Draw the scores of each run; returns them as text."""
    told = []
    digits = DIGITS.get(column["key"], 1)
    for place, pair in enumerate(pairs):
        value = pair.row["values"].get(column["key"])
        told.append(show_spread(value, digits))
        if value is None:
            continue
        spread = None if value["sd"] is None else (value["mean"] - value["sd"], value["mean"] + value["sd"])
        seeds = [number for number in value["by_seed"] if number is not None]
        _draw_line(axes, place, value["mean"], seeds, spread, COLOURS[0])
    axes.set_title(fit_text(column["label"], 40))
    axes.set_xlabel(_unit(column["key"]))
    axes.margins(x=0.08)
    return told


def _draw_differences(axes: Axes, column: Mapping[str, Any], pairs: Sequence[Compared], against: str) -> list[str]:
    """Draw the differences of each run from `against`; returns them as text."""
    told = []
    axes.axvline(0, color=INK, linewidth=0.9, zorder=0)
    ends, digits = [0.0], DIGITS.get(column["key"], 1)
    for place, pair in enumerate(pairs):
        found = find_difference(pair, column["key"])
        if found is None:
            told.append("" if pair.name == against else NONE)
            continue
        interval = found.interval if len(found.by_seed) >= FEWEST_SEEDS else None
        clear = interval is not None and not interval[0] <= 0 <= interval[1]
        _draw_line(axes, place, found.mean, found.by_seed, interval, COLOURS[1] if clear else QUIET)
        shown = "" if interval is None else f" ({_sign(interval[0], digits)} to {_sign(interval[1], digits)})"
        told.append(_sign(found.mean, digits) + shown)
        ends += [*found.by_seed, *(interval or ())]
    most = max(map(abs, ends)) or 1.0
    axes.set_xlim(-1.1 * most, 1.1 * most)
    axes.set_title(fit_text(f"minus {against}", 40))
    axes.set_xlabel("points" if column["key"] not in DIGITS else "difference")
    return told


def _draw_line(
    axes: Axes, place: int, mean: float, seeds: Sequence[float], bar: tuple[float, float] | None, colour: str
) -> None:
    if bar is not None:
        axes.plot(bar, [place, place], color=colour, linewidth=1.4, solid_capstyle="butt", zorder=2)
    # Seeds of equal values lie side by side instead of on each other.
    up = place + 0.16 * _spread_equal(np.asarray(seeds, dtype=float))
    axes.plot(seeds, up, "o", color=colour, alpha=0.5, markersize=4, markeredgewidth=0, zorder=3)
    axes.plot([mean, mean], [place - 0.3, place + 0.3], color=colour, linewidth=2.4, solid_capstyle="butt", zorder=4)


def _spread_equal(values: np.ndarray) -> np.ndarray:
    """Offsets from -1 to 1 of values, so that equal ones do not cover each other; 0 for a value that occurs once."""
    offsets = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        offsets[same] = np.linspace(-1, 1, len(same)) if len(same) > 1 else 0.0
    return offsets


def _sign(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:+.{digits}f}"  # no minus before zero


def _unit(key: str) -> str:
    return "correlation" if key in DIGITS else "percent"
