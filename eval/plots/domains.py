"""Figure of TVSum by domain: bars of runs, with chance, annotators and the best possible score as lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cli import UserError
from eval.plots.style import COLOURS, INK, QUIET, fit_text, house_style, save_figure
from eval.tvsum.videos import MEAN

METRIC = "mAP"
# Without black, which the references and the spread have. Runs beyond the colours have them again, with stripes.
PALETTE, STRIPES = COLOURS[:-1], "/////"
LOOKS = [{"facecolor": colour, "hatch": hatch, "edgecolor": "white"} for hatch in ("", STRIPES) for colour in PALETTE]
# Names of reference rows, with the line of each. Two ceilings: over 25 clips, as the metric is mostly taken, or all.
LINES: dict[str, tuple[str, Literal["--", ":", "-"], str]] = {
    "chance": ("chance", "--", INK),
    "mean human": ("mean human", ":", INK),
    "best found (25 clips)": ("ceiling", "-", INK),
}
FAIR, CHOSEN = "last epoch", "best epoch"


def plot_domains(table: dict[str, Any], paths: Sequence[Path]) -> None:
    """Draw the table of `tvsum-table` and save the figure to each path, .png or .svg.

    A group of bars per domain and one of the means: a bar per run, the mean over its seeds at the last epoch, with the
    standard deviation over seeds. A mark shows the best epoch, which was chosen on the videos that it is scored on.

    Raises:
        UserError: `table` is not the result of `tvsum-table`.
    """
    rows = table.get("rows")
    if not rows or "domains" not in table or not all(METRIC in row["values"] for row in rows):
        raise UserError("not a table of domains: 'rows' or 'domains' are missing (make one with `tvsum-table`)")
    groups = [*table["domains"], MEAN]
    runs = list(dict.fromkeys(row["run"] for row in rows if row["epoch"] is not None))
    shown = runs[: len(LOOKS)]
    looks = dict(zip(shown, LOOKS, strict=False))
    with house_style():
        width = max(7.2, 1.5 + len(groups) * (0.35 + 0.1 * len(shown)))
        figure = Figure(figsize=(width, 4.3), layout="constrained")
        axes = figure.add_subplot()
        figure.suptitle("Top-5 mAP by domain", x=0.01, ha="left", fontsize=12, color=INK)
        epochs = {run: _epoch_of(rows, run) for run in shown}
        more = f" {len(runs) - len(shown)} more runs are in the table." if len(runs) > len(shown) else ""
        axes.set_title(_explain(rows, epochs) + more, fontsize=8, color=QUIET)
        marked = [_draw_run(axes, rows, run, groups, place, looks) for place, run in enumerate(shown)]
        lines = [name for name in LINES if _draw_reference(axes, rows, name, groups)]
        names = [fit_text(group, 14) for group in groups]
        # Long names would run into each other.
        turned = max(map(len, names)) > 4
        axes.set_xticks(
            range(len(groups)), names, rotation=35 if turned else 0, ha="right" if turned else "center",
            rotation_mode="anchor" if turned else "default",
        )  # fmt: skip
        axes.axvline(len(groups) - 1.5, color=QUIET, linewidth=0.6)
        axes.set(xlim=(-0.6, len(groups) - 0.4), ylim=(0, 100), ylabel="percent")
        axes.grid(True, axis="y")
        axes.set_axisbelow(True)
        axes.tick_params(axis="x", length=0)
        handles: list[Any] = [
            Patch(
                **looks[run], linewidth=0, label=fit_text(run, 28) + (f" ({CHOSEN})" if epochs[run] == CHOSEN else "")
            )
            for run in shown
        ]
        if any(marked):
            handles.append(Line2D([], [], color=INK, marker="_", linestyle="", markersize=8, label=CHOSEN))
        handles += [
            Line2D([], [], color=LINES[name][2], linestyle=LINES[name][1], label=LINES[name][0]) for name in lines
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
        save_figure(figure, paths)


def _epoch_of(rows: Sequence[dict[str, Any]], run: str) -> str:
    """The epoch at which the bars of a run are: that chosen on the scored videos only if there is no other."""
    known = {row["epoch"] for row in rows if row["run"] == run}
    return next(epoch for epoch in (FAIR, "predictions", CHOSEN) if epoch in known)


def _explain(rows: Sequence[dict[str, Any]], epochs: dict[str, str]) -> str:
    bars = [_find(rows, run, (epoch,)) or {} for run, epoch in epochs.items()]
    spread = any(value is not None and value["sd"] is not None for values in bars for value in values.values())
    at = " at the last epoch" if FAIR in epochs.values() else ""
    return f"Bars: means over seeds{at}." + (" Thin lines: one standard deviation to either side." if spread else "")


def _find(rows: Sequence[dict[str, Any]], run: str, epochs: Sequence[str | None]) -> dict[str, Any] | None:
    by_epoch = {row["epoch"]: row["values"][METRIC] for row in rows if row["run"] == run}
    return next((by_epoch[epoch] for epoch in epochs if epoch in by_epoch), None)


def _draw_run(
    axes: Axes, rows: Sequence[dict[str, Any]], run: str, groups: Sequence[str], place: int, looks: dict[str, Any]
) -> bool:
    """Draw the bars of a run; returns whether it has a best epoch beside the last one."""
    width = 0.8 / len(looks)
    at = np.arange(len(groups)) - 0.4 + (place + 0.5) * width
    bars = _find(rows, run, (_epoch_of(rows, run),))
    assert bars is not None
    best = _find(rows, run, (CHOSEN,))
    for x, group in zip(at, groups, strict=True):
        value = bars.get(group)
        if value is None:
            axes.text(x, 1, "–", ha="center", va="bottom", fontsize=7, color=QUIET)
            continue
        axes.bar(x, value["mean"], 0.9 * width, **looks[run], linewidth=0)
        if value["sd"] is not None:
            axes.errorbar(x, value["mean"], value["sd"], color=INK, linewidth=0.9, capsize=0)
        chosen = best.get(group) if best and best is not bars else None
        if chosen is not None:
            axes.plot([x - 0.45 * width, x + 0.45 * width], [chosen["mean"]] * 2, color=INK, linewidth=1.1)
    return best is not None and best is not bars


def _draw_reference(axes: Axes, rows: Sequence[dict[str, Any]], name: str, groups: Sequence[str]) -> bool:
    values = _find(rows, name, (None,))
    if values is None:
        return False
    _, style, colour = LINES[name]
    for place, group in enumerate(groups):
        if values.get(group) is not None:
            axes.plot([place - 0.46, place + 0.46], [values[group]["mean"]] * 2, style, color=colour, linewidth=1.1)
    return True
