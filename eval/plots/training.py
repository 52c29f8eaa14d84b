"""Training curves from `history.jsonl`: loss terms, validation metrics with the best epoch, learning rate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cli import UserError
from eval.plots.style import COLOURS, INK, QUIET, fit_text, house_style, save_figure
from eval.study.run_table import COLUMNS
from formats.arrays import read_numbers
from formats.rows import Row, shorten

# In order of preference: the first metric found in the history decides the best epoch.
BEST_BY = ("MR-full-mAP", "HL-min-VeryGood-mAP", "mAP")
MOST_METRICS = 6


def plot_training(
    history: Sequence[Row], paths: Sequence[Path], title: str = "Training", best_by: str | None = None
) -> None:
    """Draw the rows of a history file and save the figure to each path, .png or .svg.

    Each row: {"epoch", "step", "lr", "train": {"loss", "loss_span", ..}, "val": {metric: percent} or None}.
    Losses of auxiliary decoder layers (`loss_span_0`) are not drawn. `best_by`: the metric whose highest value marks
    the best epoch (default: MR-full-mAP, else the first of `BEST_BY` in the history).

    Raises:
        UserError: a row has no epoch or no training loss, holds something else than numbers, or no epoch has the
            metric `best_by`.
    """
    for number, row in enumerate(history, start=1):
        _check_row(row, f"history, row {number}")
    metrics = _collect(history, "val")
    if best_by is not None and best_by not in metrics:
        raise UserError(f"no epoch has the metric {best_by!r} (found: {', '.join(sorted(metrics)) or 'none'})")
    best_by = best_by or next((key for key in BEST_BY if key in metrics), None)
    with house_style():
        figure = Figure(figsize=(11, 6.2), layout="constrained")
        figure.suptitle(fit_text(title, 110), x=0.01, ha="left", fontsize=12, color=INK)
        grid = figure.add_gridspec(2, 2, height_ratios=[4, 1])
        losses = figure.add_subplot(grid[0, 0])
        _draw_losses(losses, history)
        _draw_metrics(figure.add_subplot(grid[0, 1], sharex=losses), metrics, best_by)
        _draw_rate(
            figure.add_subplot(grid[1, 0], sharex=losses),
            _collect([{"epoch": row["epoch"], "row": row} for row in history], "row"),
        )
        _write_notes(figure.add_subplot(grid[1, 1]), history, metrics, best_by)
        save_figure(figure, paths)


def _check_row(row: Row, where: str) -> None:
    if type(row.get("epoch")) is not int or not isinstance(row.get("train"), dict):
        raise UserError(f"{where}: needs 'epoch' (a whole number) and 'train' (an object)")
    if not isinstance(row.get("val"), dict | None):
        raise UserError(f"{where}: 'val' must be an object or null, got {shorten(row['val'])}")
    values = {f"{part}.{key}": value for part in ("train", "val") for key, value in (row.get(part) or {}).items()}
    for key, value in {**values, "lr": row.get("lr")}.items():
        if value is not None:
            read_numbers(value, (), f"{where}: {key}")


Curve = tuple[list[int], list[float]]


def _collect(history: Sequence[Row], part: str) -> dict[str, Curve]:
    """Curves (epochs, values) by key, over the epochs with a finite number."""
    curves: dict[str, Curve] = {}
    for row in history:
        for key, value in (row.get(part) or {}).items():
            if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
                epochs, values = curves.setdefault(key, ([], []))
                epochs.append(row["epoch"])
                values.append(float(value))
    return curves


def _draw(axes: Axes, curve: Curve, **style: Any) -> None:
    # A single epoch is a point, which a line alone would not show.
    axes.plot(*curve, marker="o" if len(curve[0]) <= 30 else None, markersize=3, **style)


def _draw_losses(axes: Axes, history: Sequence[Row]) -> None:
    terms = {key: curve for key, curve in _collect(history, "train").items() if not re.search(r"_\d+$", key)}
    for index, key in enumerate(sorted(terms, key=lambda name: (name != "loss", name))):
        total = key == "loss"
        colour = INK if total else COLOURS[(index - 1) % (len(COLOURS) - 1)]
        dashes = "-" if index < len(COLOURS) else "--"
        label = "total" if total else fit_text(key.removeprefix("loss_"), 24)
        _draw(axes, terms[key], color=colour, linewidth=2.2 if total else 1.2, linestyle=dashes, label=label)
    if "loss" in (validation := _collect(history, "val")):
        _draw(axes, validation["loss"], color=INK, linestyle=":", linewidth=1.5, label="total, validation")
    values = [value for _, curve in terms.values() for value in curve]
    if values and min(values) > 0 and max(values) / min(values) > 20:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set(title="Training loss and its terms, unweighted", xlabel="epoch", ylabel="loss, mean of the epoch")
    _finish(axes, bool(terms))


def _draw_metrics(axes: Axes, metrics: dict[str, Curve], best_by: str | None) -> None:
    named = [key for key in COLUMNS if key in metrics] or sorted(key for key in metrics if "loss" not in key)
    shown = list(dict.fromkeys([*([best_by] if best_by else []), *named]))[:MOST_METRICS]
    for index, key in enumerate(shown):
        chosen = key == best_by
        _draw(axes, metrics[key], color=COLOURS[index], linewidth=2.2 if chosen else 1.2, label=fit_text(key, 32))
    if best_by:
        epoch, value = find_best(metrics[best_by])
        axes.axvline(epoch, color=QUIET, linestyle="--", linewidth=1, zorder=0)
        axes.plot(epoch, value, marker="*", markersize=15, color=COLOURS[0], markeredgecolor="white", zorder=5)
    if not shown:
        axes.text(0.5, 0.5, "no epoch was validated", ha="center", color=QUIET, transform=axes.transAxes)
        axes.set_yticks([])
    axes.set(title="Validation (star: best epoch)", xlabel="epoch", ylabel="percent")
    _finish(axes, bool(shown))


def find_best(curve: Curve) -> tuple[int, float]:
    """Epoch and value of the first maximum."""
    place = int(np.argmax(curve[1]))
    return curve[0][place], curve[1][place]


def _draw_rate(axes: Axes, curves: dict[str, Curve]) -> None:
    if "lr" in curves:
        _draw(axes, curves["lr"], color=QUIET, linewidth=1.2)
    axes.set(xlabel="epoch", ylabel="learning rate")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    _finish(axes, False)


def _write_notes(axes: Axes, history: Sequence[Row], metrics: dict[str, Curve], best_by: str | None) -> None:
    last = history[-1]
    done = f"{len(history)} epochs" if len(history) > 1 else "1 epoch"
    lines = [done + (f", {last['step']} steps" if isinstance(last.get("step"), int) else "")]
    if best_by:
        epoch, value = find_best(metrics[best_by])
        lines.append(f"best epoch {epoch}: {best_by} {value:.2f}")
        at_best = {key: dict(zip(*metrics[key], strict=True)).get(epoch) for key in COLUMNS if key in metrics}
        shown = [f"{key} {value:.2f}" for key, value in at_best.items() if value is not None and key != best_by]
        lines += [", ".join(shown[start : start + 2]) for start in range(0, len(shown), 2)]
    else:
        lines.append("no validation in this history")
    axes.text(0, 1, "\n".join(lines), va="top", fontsize=9, color=INK, transform=axes.transAxes, linespacing=1.5)
    axes.set_axis_off()


def _finish(axes: Axes, legend: bool) -> None:
    axes.grid(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    left, right = axes.get_xlim()
    if right - left <= 1:  # a single epoch, and perhaps another panel has set the limits that all share
        middle = round((left + right) / 2)
        axes.set_xlim(middle - 0.5, middle + 0.5)
        axes.set_xticks([middle])
    if legend:
        axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16))
