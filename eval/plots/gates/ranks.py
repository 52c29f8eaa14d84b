"""The samples with the highest and the lowest gates, per kind of gate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eval.plots.gates.scales import TITLES, ZERO, ZERO_MARGIN, is_signed
from eval.plots.gates.tick_labels import set_ticks
from eval.plots.gates.view import GROUPS, GateView
from eval.plots.style import INK, PAGE_WIDTH, QUIET, explain_empty

TOPK = 10
NAME_LENGTH = 26


def rank_samples(view: GateView, kind: str) -> list[int]:
    """Sort samples with audio by descending mean over the layers of one kind of gate; ties in the order of the log."""
    return sorted(view.heard(), key=lambda index: (-round(float(view.means[kind][index].mean()), 12), index))


def split_ranks(ranked: Sequence[int], topk: int) -> list[tuple[str, list[int]]]:
    """Name and samples of each panel: one panel if all samples fit, else the top and the bottom."""
    if not ranked:
        return [("none to rank", [])]
    if len(ranked) <= 2 * topk:
        return [(f"all {len(ranked)}" if len(ranked) != 1 else "the only one", list(ranked))]
    return [(f"top {topk} of {len(ranked)}", list(ranked[:topk])), (f"bottom {topk}", list(ranked[-topk:]))]


def draw_top_bottom(view: GateView, topk: int = TOPK) -> Figure:
    """Draw bars of the mean over layers, with the range of the layers; one row of panels per kind.

    Samples without audio are not ranked; the title gives their number.
    """
    panels = {kind: split_ranks(rank_samples(view, kind), topk) for kind in view.log.kinds}
    longest = max((len(found) for parts in panels.values() for _, found in parts), default=0)
    height = (0.155 * max(longest, 3) + 0.75) * len(panels) + 0.4
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    grid = figure.add_gridspec(len(panels), 2)
    left_out = len(view.columns) - len(view.heard())
    note = f"; {left_out} without audio left out" if left_out else ""
    for row, (kind, parts) in enumerate(panels.items()):
        limits = choose_bar_limits(view, kind)
        for column, (name, found) in enumerate(parts):
            axes = figure.add_subplot(grid[row, column] if len(parts) == 2 else grid[row, :])
            axes.set_title(f"{TITLES[kind]}: {name}{note if column == 0 else ''}", fontsize=9)
            if not found:
                explain_empty(axes, "no sample has audio")
                continue
            draw_bars(axes, view, kind, found, NAME_LENGTH if len(parts) == 2 else 2 * NAME_LENGTH)
            axes.set_xlim(*limits)
            axes.set_xlabel("mean of the layers" if row == len(panels) - 1 else "")
    figure.suptitle("Bars: mean of the layers; lines: from the lowest to the highest layer")
    ranked = [name for name in GROUPS if name != "no audio"]
    figure.legend(handles=view.key(*ranked), loc="outside lower center", ncols=3, handlelength=1.2)
    return figure


def choose_bar_limits(view: GateView, kind: str) -> tuple[float, float]:
    """Limits of the x axis for both panels of a kind, starting at 0 unless the kind is signed."""
    values = view.means[kind][view.heard()]
    if not values.size:
        return 0.0, 1.0
    lowest, highest = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.04 * (highest - lowest) if highest - lowest >= ZERO else ZERO_MARGIN
    return lowest - (margin if is_signed(kind, values) else 0), highest + margin


def draw_bars(axes: Axes, view: GateView, kind: str, found: Sequence[int], most: int) -> None:
    """Draw one bar per sample, from top to bottom, labelled with its name and coloured by group."""
    group = {index: name for name, members in view.members() for index in members}
    values = view.means[kind][list(found)]
    places = np.arange(len(found))
    means = values.mean(1)
    axes.barh(places, means, height=0.72, color=[GROUPS[group[index]] for index in found])
    axes.hlines(places, values.min(1), values.max(1), color=INK, linewidth=0.9)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(places, [view.name(index, most) for index in found])
    axes.tick_params(axis="y", length=0, labelsize=6.5)
    axes.set_ylim(max(len(found), 3) - 0.4, -0.6)
    set_ticks(axes.xaxis, 6)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
