"""Gates and contributions by layer: their means, and their spread in each group of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.markup import count
from eval.plots.gates.scales import KIND_COLOURS, MEANINGS, TITLES, UPDATES, is_signed, widen
from eval.plots.gates.tick_labels import LayerLocator, measure_text, set_ticks, write_values
from eval.plots.gates.view import GROUPS, GateView
from eval.plots.style import INK, PAGE_WIDTH, QUIET, explain_empty
from formats.arrays import Floats

CONTRIBUTION = "contribution |g·Δ| / |x|"
# Inches that the number of a layer needs at least, and that a panel needs next to its layers.
NARROWEST_LAYER, BESIDE = 0.2, 0.6
VALUE_SIZE = 6.5
# More dots than this in one place cover each other.
MOST_DOTS = 40
# Multiples of the golden ratio, modulo 1, keep neighbouring dots apart, and are the same every time.
GOLDEN = 0.618033988749895
SPREAD_NOTE = f"Bar: mean; up to {MOST_DOTS} samples as dots, more as a box (quartiles, whiskers 5–95 %, dotted median)"
NO_CONTRIBUTION = "the log holds no contribution\nof this kind for every sample"


def draw_layerwise_means(view: GateView) -> Figure:
    """Draw bars: the mean of each layer over the samples with audio, with standard deviation; one panel per kind.

    Samples without audio do not count for these means: a cross marks their own mean.
    """
    kinds = view.log.kinds
    across = max(1, min(len(kinds), int(PAGE_WIDTH / (NARROWEST_LAYER * view.log.layers + BESIDE))))
    down = -(-len(kinds) // across)
    figure = Figure(figsize=(PAGE_WIDTH, 2.4 * down + 0.7), layout="constrained")
    room = (PAGE_WIDTH / across - BESIDE) / view.log.layers
    heard, silent = view.heard(), [index for index in view.columns if view.silent[index]]
    for number, kind in enumerate(kinds, start=1):
        axes = figure.add_subplot(down, across, number)
        axes.set_title(TITLES[kind], fontsize=9)
        axes.set_ylabel(MEANINGS[kind], fontsize=8)
        if heard:
            _draw_bars(axes, view.means[kind][heard], KIND_COLOURS[kind], room)
        if silent:
            means = view.means[kind][silent].mean(0)
            axes.plot(np.arange(len(means)), means, "x", color=QUIET, markersize=6, markeredgewidth=1.5, clip_on=False)
        axes.axhline(0, color=QUIET, linewidth=0.8)
        label_layer_axis(axes, view.log.layers)
        widen_axis(axes, axis="y")
        if not is_signed(kind, view.means[kind]) and not view.means[kind].any():
            axes.set_ylim(bottom=0)
    handles: list[Patch | Line2D] = []
    if heard:
        size = count(len(heard), "video" if view.per_video else "query", view.what)
        label = f"{'mean ± sd of ' if len(heard) > 1 else ''}{size}{' with audio' if silent else ''}"
        handles.append(Patch(color=QUIET, alpha=0.5, label=label))
    if silent:
        mark = Line2D([], [], color=QUIET, marker="x", linestyle="", markersize=6, markeredgewidth=1.5)
        mark.set_label(f"mean of {len(silent)} without audio")
        handles.append(mark)
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draw_bars(axes: Axes, values: Floats, colour: str, room: float) -> None:
    """Draw the bars of `values` (samples, layers). Numbers wider than `room` (inches per layer) are vertical."""
    means, deviations = values.mean(0), values.std(0)
    texts = write_values(means)
    upright = measure_text(max(map(len, texts)), VALUE_SIZE) > room
    axes.bar(np.arange(len(means)), means, width=0.62, color=colour, alpha=0.75)
    if len(values) > 1:
        axes.errorbar(np.arange(len(means)), means, yerr=deviations, fmt="none", ecolor=INK, elinewidth=1, capsize=2.5)
    for layer, (mean, deviation, text) in enumerate(zip(means, deviations, texts, strict=True)):
        below = mean < 0
        axes.annotate(
            text, (layer, mean - deviation if below else mean + deviation),
            (0, -3 if below else 3), textcoords="offset points", ha="center", va="top" if below else "bottom",
            fontsize=VALUE_SIZE, color=INK, rotation=90 if upright else 0,
        )  # fmt: skip
    axes.margins(y=0.1 + 0.05 * max(map(len, texts)) if upright else 0.16)


def draw_contribution(view: GateView) -> Figure:
    """Draw |gate · update| / |features| by layer, spread over the samples of each group; one panel per kind."""
    kinds = [kind for kind in view.log.kinds if kind in ("mha", "ffn")]  # FiLM is part of the FFN update
    figure = Figure(figsize=(PAGE_WIDTH, 3.0), layout="constrained")
    for axes, kind in zip(np.atleast_1d(figure.subplots(1, len(kinds))), kinds, strict=True):
        axes.set_title(f"Contribution of the {UPDATES[kind]}", fontsize=9)
        values = view.contributions[kind]
        if values is None:
            explain_empty(axes, NO_CONTRIBUTION)
            continue
        draw_groups(axes, values, view.members())
        axes.set_ylabel(CONTRIBUTION)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if (values < 0).any() else 0)
    figure.legend(handles=view.key(), loc="outside lower center", ncols=4, handlelength=1.2)
    figure.suptitle(f"{SPREAD_NOTE}; x: 0 for want of audio")
    return figure


def draw_groups(axes: Axes, values: Floats, members: Sequence[tuple[str, list[int]]]) -> None:
    """Draw the groups side by side at each layer. `values`: (samples of the log, layers)."""
    width = 0.8 / max(len(members), 1)
    for number, (name, found) in enumerate(members):
        aside = (number - (len(members) - 1) / 2) * width
        places = np.arange(values.shape[1]) + aside
        if name == "no audio" and (values[found] == 0).all():  # forced to 0, so there is no spread
            axes.plot(places, 0 * places, "x", color=GROUPS[name], markersize=4, markeredgewidth=1.2, clip_on=False)
            continue
        for layer, place in enumerate(places.tolist()):
            draw_spread(axes, place, values[found, layer], GROUPS[name], width * 0.8)
    label_layer_axis(axes, values.shape[1])
    widen_axis(axes, axis="y")
    axes.grid(True, axis="y")


def draw_gate_groups(axes: Axes, view: GateView, kind: str) -> None:
    """Draw the gates of one kind by layer and group, without the samples that have nothing to gate."""
    members = [(name, [index for index in found if not view.shut(kind)[index]]) for name, found in view.members()]
    members = [(name, found) for name, found in members if found]
    if not members:
        explain_empty(axes, "no sample has audio")
        return
    draw_groups(axes, view.means[kind], members)
    if is_signed(kind, view.means[kind]):
        axes.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
    axes.set_ylabel(TITLES[kind])


def label_layer_axis(axes: Axes, layers: int) -> None:
    """Number the layers from 1 on the x axis; if not all numbers fit, every second, third, .. one."""
    axes.set_xlim(-0.6, layers - 0.4)
    axes.xaxis.set_major_locator(LayerLocator(layers))
    axes.xaxis.set_major_formatter(lambda place, _: str(round(place) + 1))
    axes.set_xlabel("layer", fontsize=8)


def widen_axis(axes: Axes, axis: str, steps: int = 5) -> None:
    """Set the ticks, and widen the limits if all values are equal, so that rounding errors do not fill the axis.

    `steps`: the most steps between ticks along x.
    """
    if axis == "y":
        axes.set_ylim(*widen(*axes.get_ylim()))
        set_ticks(axes.yaxis, 6)
    else:
        axes.set_xlim(*widen(*axes.get_xlim()))
        set_ticks(axes.xaxis, steps)


def draw_spread(
    axes: Axes, place: float, values: Floats, colour: str, width: float, *, horizontal: bool = False
) -> None:
    """Draw (samples,) at one place of an axis: dots, or quartiles with whiskers from 5 to 95 %; a bar at the mean.

    `horizontal`: the values run along x, and `place` is on y. Without values nothing is drawn.
    """
    if not len(values):
        return
    if len(values) <= MOST_DOTS:
        aside = place + ((np.arange(len(values)) * GOLDEN + 0.5) % 1 - 0.5) * width * (len(values) > 1)
        points = (values, aside) if horizontal else (aside, values)
        axes.plot(*points, "o", color=colour, markersize=3.6, alpha=0.6, markeredgewidth=0)
    else:
        low, first, middle, third, high = np.percentile(values, [5, 25, 50, 75, 95])
        drawn = {"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high, "fliers": []}
        line = {"color": colour, "linewidth": 0.9}
        axes.bxp(
            [drawn], positions=[place], widths=width, orientation="horizontal" if horizontal else "vertical",
            patch_artist=True, showfliers=False, manage_ticks=False, whiskerprops=line, capprops=line,
            medianprops={"color": colour, "linewidth": 0.9, "linestyle": ":"},
            boxprops={"facecolor": colour, "edgecolor": colour, "alpha": 0.35, "linewidth": 0.9},
        )  # fmt: skip
    if len(values) == 1:
        return  # the dot is the mean
    mean = float(values.mean())
    ends = [place - width / 2, place + width / 2]
    line_ends = ([mean, mean], ends) if horizontal else (ends, [mean, mean])
    axes.plot(*line_ends, color=INK, linewidth=1.6, solid_capstyle="butt", zorder=5)
