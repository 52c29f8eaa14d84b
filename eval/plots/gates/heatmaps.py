"""Heatmaps of gates: layers x samples, and the mean over layers per sample."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from eval.markup import count
from eval.plots.gates.scales import MEANINGS, TITLES, Scale, choose_scale
from eval.plots.gates.tick_labels import GateFormatter, GateLocator, measure_text, write_values
from eval.plots.gates.view import GROUPS, HATCH, SHUT, SHUT_EDGE, GateView
from eval.plots.style import INK, PAGE_WIDTH
from formats.arrays import Floats

# Panels with narrower columns (inches) have numbers instead of names.
NARROWEST_NAME = 0.2
NAME_LENGTH = 20
VALUE_SIZE = 6.5


def draw_sections(view: GateView) -> Figure:
    """Draw heatmaps of layers x samples side by side, MHA | FFN (| FiLM shift), each with its own colour scale."""
    panels = len(view.log.kinds)
    width = PAGE_WIDTH / panels - 0.6
    named = fits_names(view, width)
    figure = Figure(figsize=(PAGE_WIDTH, 2.0 + 0.26 * min(view.log.layers, 12) + 0.95 * named), layout="constrained")
    grid = figure.add_gridspec(3, panels, height_ratios=[0.12, 0.26 * min(view.log.layers, 12), 0.1])
    for column, kind in enumerate(view.log.kinds):
        heat = figure.add_subplot(grid[1, column])
        strip = figure.add_subplot(grid[0, column], sharex=heat)
        bar = figure.add_subplot(grid[2, column])
        draw_strip(strip, view)
        strip.set_title(TITLES[kind], fontsize=9)
        draw_map(heat, bar, view, kind, view.means[kind], width, label_layers=column == 0)
    draw_key(figure, view)
    return figure


def draw_samples_layermean(view: GateView) -> Figure:
    """Draw one row of cells per kind: the mean over layers for each sample."""
    kinds = view.log.kinds
    width = PAGE_WIDTH - 1.0
    named = fits_names(view, width)
    height = 0.9 + 0.9 * len(kinds) + 0.9 * named
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    grid = figure.add_gridspec(len(kinds) + 1, 2, height_ratios=[0.2, *[1] * len(kinds)], width_ratios=[60, 1])
    strip = figure.add_subplot(grid[0, 0])
    draw_strip(strip, view)
    for row, kind in enumerate(kinds, start=1):
        heat = figure.add_subplot(grid[row, 0], sharex=strip)
        bar = figure.add_subplot(grid[row, 1])
        means = view.means[kind].mean(1, keepdims=True)
        last = row == len(kinds)
        draw_map(heat, bar, view, kind, means, width, label_layers=False, label_samples=last, upright=True)
        heat.set_title(f"{TITLES[kind]}, mean of {count(view.log.layers, 'layer', 'layers')}", fontsize=9)
    draw_key(figure, view)
    return figure


def fits_names(view: GateView, width: float) -> bool:
    """Whether a panel of this width (inches) has room for the names of the samples."""
    return width / len(view.columns) >= NARROWEST_NAME


def draw_key(figure: Figure, view: GateView) -> None:
    """Draw the legend of the groups below all panels."""
    patches = [*view.key(), *shut_key(view)]
    figure.legend(handles=patches, loc="outside lower center", ncols=min(len(patches), 4), handlelength=1.2)


def shut_key(view: GateView) -> list[Patch]:
    """Legend entry of hatched cells, if there are any."""
    if not any(view.shut(kind)[list(view.columns)].any() for kind in view.log.kinds):
        return []
    return [Patch(facecolor=SHUT, edgecolor=SHUT_EDGE, hatch=HATCH, linewidth=0, label="nothing to gate: exactly 0")]


def draw_strip(axes: Axes, view: GateView) -> None:
    """Draw the groups as a coloured band above a heatmap with the same columns."""
    for name, part in view.slices():
        axes.axvspan(part.start - 0.5, part.stop - 0.5, color=GROUPS[name], linewidth=0)
    axes.set_xlim(-0.5, len(view.columns) - 0.5)
    axes.set_axis_off()


def draw_map(
    axes: Axes, bar: Axes, view: GateView, kind: str, values: Floats, width: float, *,
    label_layers: bool = True, label_samples: bool = True, upright: bool = False,
) -> None:  # fmt: skip
    """Draw values (samples of the log, rows) in the view's columns, and the colour scale into `bar`.

    Samples without audio are hatched if their gates are 0, and do not count for the scale.
    """
    columns = list(view.columns)
    shut = view.shut(kind)[columns]
    cells = values[columns].T
    shown = np.ma.array(cells, mask=np.broadcast_to(shut, cells.shape))
    scale = choose_scale(kind, shown.compressed())
    image = axes.imshow(
        shown, cmap=scale.colours, vmin=scale.lowest, vmax=scale.highest, aspect="auto", interpolation="nearest"
    )
    for column in np.flatnonzero(shut):
        axes.add_patch(
            Rectangle(
                (column - 0.5, -0.5), 1, len(cells), facecolor=SHUT, edgecolor=SHUT_EDGE, hatch=HATCH, linewidth=0
            )
        )
    for _, part in view.slices()[1:]:
        axes.axvline(part.start - 0.5, color="white", linewidth=2.5)
        axes.axvline(part.start - 0.5, color=INK, linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=7)
    _label_layers(axes, len(cells), label_layers)
    _label_samples(axes, view, width, label_samples)
    if len(cells) <= 12:
        _write_values(axes, shown, scale, width / len(columns))
    found = shown.compressed()
    spread = " to ".join(write_values([found.min(), found.max()])) if found.size else "no sample has audio"
    axes.figure.colorbar(
        image, cax=bar, orientation="vertical" if upright else "horizontal",
        ticks=GateLocator(5 if width > 2 and not upright else 4), format=GateFormatter(),
    )  # fmt: skip
    bar.tick_params(labelsize=7)
    if not upright:
        bar.set_xlabel(f"{MEANINGS[kind]}\n({spread})", fontsize=7)


def _label_layers(axes: Axes, layers: int, labelled: bool) -> None:
    step = -(-layers // 12)
    places = range(0, layers, step)
    axes.set_yticks(places, [f"layer {place + 1}" for place in places] if labelled else [""] * len(places))


def _label_samples(axes: Axes, view: GateView, width: float, labelled: bool) -> None:
    if not labelled:
        axes.tick_params(labelbottom=False)
        axes.set_xticks([])
    elif fits_names(view, width):
        names = [view.name(index, NAME_LENGTH) for index in view.columns]
        # Vertical, because slanted names would reach into the panel on the left.
        axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 1 else 0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axes.set_xlabel(f"{view.what}, in each group\nby falling mean MHA gate", fontsize=7)


def _write_values(axes: Axes, shown: np.ma.MaskedArray, scale: Scale, width: float) -> None:
    """Write the values into the cells if these are wide enough (inches)."""
    values = shown.compressed()
    texts = write_values(values, digits=2, apart=False)
    if measure_text(max(map(len, texts), default=0), VALUE_SIZE) > width:
        return
    places = np.argwhere(~np.ma.getmaskarray(shown)).tolist()
    for (layer, sample), value, text in zip(places, values.tolist(), texts, strict=True):
        colour = "white" if scale.is_dark(value) else INK
        axes.text(sample, layer, text, ha="center", va="center", fontsize=VALUE_SIZE, color=colour)
