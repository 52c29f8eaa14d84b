"""Single videos over time: sound level, gates (or their contributions) by layer, and saliency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from eval.plots.gates.scales import TITLES, UPDATES, layer_colours, widen
from eval.plots.gates.tick_labels import set_ticks
from eval.plots.gates.view import HATCH, SHUT, SHUT_EDGE, GateView
from eval.plots.style import INK, PAGE_WIDTH, explain_empty, fit_text
from formats.arrays import Bools, Floats
from formats.gate_log import GateSample
from formats.labels import read_relevant_windows

RELEVANT, SOUND = "#ffe9a8", "#8da9c4"
MOST_EXAMPLES = 4
# Height of a heading and of a panel, in inches.
HEADING, PANEL = 0.3, 0.72
# With more points than MOST_MARKERS, markers would hide the line. With more clips than MOST_POINTS, lines would hide
# each other, so each point is the mean of several clips.
MOST_MARKERS, MOST_POINTS = 80, 160


def draw_time(view: GateView) -> Figure:
    """Draw up to four examples, two per row; see `draw_example`."""
    examples = choose_examples(view, MOST_EXAMPLES)
    across = min(2, len(examples))
    down = -(-len(examples) // 2)
    panels = len(view.log.kinds) + 2
    figure = Figure(figsize=(PAGE_WIDTH, (HEADING + PANEL * panels + 0.35) * down + 0.5), layout="constrained")
    grid = figure.add_gridspec(down, across)
    for number, (index, group) in enumerate(examples):
        draw_example(figure, grid[divmod(number, across)], view, index, group)
    handles = make_key(view, [index for index, _ in examples])
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), fontsize=7)
    return figure


def choose_values(sample: GateSample, kind: str) -> tuple[str, Floats] | None:
    """The values of a kind that vary over time: its gates (layers, clips), else its contribution, else None."""
    if sample.gates[kind].shape[1] > 1:
        return "gate", sample.gates[kind]
    contribution = sample.contribution.get(kind)
    if contribution is not None and contribution.shape[1] > 1:
        return "contribution", contribution
    return None


def read_curves(sample: GateSample, kind: str) -> tuple[str, Floats] | None:
    """The result of `choose_values` for drawing: NaN at clips without sound; None if nothing varies over time."""
    chosen = choose_values(sample, kind)
    if chosen is None or sample.audio_mask is None:
        return chosen
    # Values there are forced to 0: a gap is clearer than a drop, and leaves the axis to the other values.
    return chosen[0], np.where(~sample.audio_mask & (chosen[1] == 0), np.nan, chosen[1])


def choose_examples(view: GateView, most: int) -> list[tuple[int, str]]:
    """Choose samples and their groups' names: from each group in turn, the sample that varies most over time."""
    ranked = [
        [(index, name) for index in sorted(found, key=lambda index: -_variation(view.log.samples[index]))]
        for name, found in view.members()
    ]
    longest = max(len(found) for found in ranked)
    turns = [found[turn] for turn in range(longest) for found in ranked if turn < len(found)]
    # A video without audio only has saliency to show, so it is chosen only if there is no other.
    heard = [example for example in turns if example[1] != "no audio"]
    return (heard or turns)[:most]


def _variation(sample: GateSample) -> float:
    gates = sample.gates["mha"]
    values = gates if gates.shape[1] > 1 else sample.contribution.get("mha", gates)
    if sample.audio_mask is not None and values.shape[1] == len(sample.audio_mask):
        values = values[:, sample.audio_mask]  # without the drop to 0 where the audio ends
    return round(float(values.std(1).mean()), 12) if values.size else 0.0


def draw_example(figure: Figure | SubFigure, place: SubplotSpec, view: GateView, index: int, group: str) -> list[Axes]:
    """Draw stacked panels with a common time axis: sound level, each kind of gate, saliency.

    Relevant windows are shaded, clips without audio hatched. A panel without data in the log explains that.
    """
    sample = view.log.samples[index]
    row = view.row(index)
    kinds = view.log.kinds
    heights = [HEADING, PANEL * 0.8, *[PANEL * 1.2] * len(kinds), PANEL * 0.8]
    cells = GridSpecFromSubplotSpec(len(heights), 1, place, height_ratios=heights)
    heading = figure.add_subplot(cells[0])
    heading.set_axis_off()
    # The group comes first: a right-to-left name at the start would reverse the line.
    lines = [f"{group}: {view.name(index, 44 - len(group))}"]
    if row.get("query"):
        lines.append(fit_text(f"“{row['query']}”", 46))
    text = heading.text(0, 0, "\n".join(lines), fontsize=7, color=INK, va="bottom", transform=heading.transAxes)
    text.set_in_layout(False)  # a long name would squeeze the panels

    panels = [figure.add_subplot(cells[1])]
    panels += [figure.add_subplot(cells[number], sharex=panels[0]) for number in range(2, len(heights))]
    _draw_level(panels[0], sample)
    for axes, kind in zip(panels[1:-1], kinds, strict=True):
        _draw_kind(axes, sample, kind, view.log.layers)
    if sample.saliency is None:
        explain_empty(panels[-1], "no saliency in the log")
    else:
        _draw_curve(panels[-1], sample, sample.saliency, color=INK, linewidth=1.0)
    panels[-1].set_ylabel("saliency", fontsize=7)
    windows = None if sample.clip_times is None else read_relevant_windows({"qid": sample.qid, **row}, "ground truth")
    for axes in panels:
        _shade(axes, sample, [] if windows is None else windows.tolist())
        axes.tick_params(labelsize=6.5, labelbottom=axes is panels[-1])
        if axes.get_yticks().size:  # something is drawn
            set_ticks(axes.yaxis, 4)
    starts, _ = _extent(sample)
    panels[-1].xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    _, together = thin_out(starts)
    label = "time (s)" if sample.clip_times is not None else "clip (the log has no times)"
    panels[-1].set_xlabel(label + (f"; a point is the mean of {together} clips" if together > 1 else ""), fontsize=7)
    figure.align_ylabels(panels)
    return panels


def _extent(sample: GateSample) -> tuple[Floats, Floats]:
    """Starts and ends of the clips on the time axis: seconds, or clip numbers in a log without times."""
    if sample.clip_times is not None:
        return sample.clip_times[:, 0], sample.clip_times[:, 1]
    curves = [sample.saliency, sample.audio_mask, sample.level_db, sample.novelty]
    lengths = [values.shape[1] for values in [*sample.gates.values(), *sample.contribution.values()]]
    starts = np.arange(max([*lengths, *(len(curve) for curve in curves if curve is not None)]), dtype=np.float64)
    return starts, starts + 1


def thin_out(values: Floats) -> tuple[Floats, int]:
    """Average neighbours of (clips,) so that at most `MOST_POINTS` remain; returns the means and the size of a group.

    NaN values do not count; the mean of a group of NaN values is NaN.
    """
    together = -(-len(values) // MOST_POINTS)
    padded = np.full(-(-len(values) // together) * together, np.nan)
    padded[: len(values)] = values
    parts = padded.reshape(-1, together)
    known = np.isfinite(parts).sum(1)
    return np.where(known, np.nansum(parts, axis=1) / np.maximum(known, 1), np.nan), together


def _draw_curve(axes: Axes, sample: GateSample, values: Floats, **style: Any) -> None:
    starts, ends = _extent(sample)
    means, _ = thin_out(values)
    middles, _ = thin_out((starts + ends) / 2)
    marked = len(means) <= MOST_MARKERS
    axes.plot(middles, means, marker="." if marked else None, markersize=2.5, **style)


def _draw_level(axes: Axes, sample: GateSample) -> None:
    """Draw the sound level as filled steps, with gaps where there is no sound."""
    if sample.level_db is None:
        explain_empty(axes, "no audio" if sample.has_audio is False else "no audio_level_db in the log")
    else:
        starts, ends = _extent(sample)
        level, together = thin_out(sample.level_db)
        known = level[np.isfinite(level)]
        floor = min(float(known.min()), float(known.max()) - 6.0) - 3.0
        axes.stairs(level, [*starts[::together].tolist(), float(ends[-1])], baseline=floor, fill=True, color=SOUND)
        axes.set_ylim(floor, float(known.max()) + 3.0)
    axes.set_ylabel("sound (dB)", fontsize=7)


def _draw_kind(axes: Axes, sample: GateSample, kind: str, layers: int) -> None:
    chosen = read_curves(sample, kind)
    if chosen is None:
        explain_empty(axes, "one gate for the whole video,\nand no contribution by clip in the log")
        axes.set_ylabel(TITLES[kind], fontsize=7)
        return
    what, values = chosen
    if np.isnan(values).all():
        explain_empty(axes, "no audio: nothing to gate")
    else:
        for layer, colour in zip(values, layer_colours(layers), strict=True):
            _draw_curve(axes, sample, layer, color=colour, linewidth=1.1)
        axes.set_ylim(*widen(*axes.get_ylim()))
        axes.grid(True, axis="y")
    # For global gates the panel shows contributions, not gate values, so the axis is labelled accordingly.
    axes.set_ylabel(TITLES[kind] if what == "gate" else f"|g·Δ| / |x|\n{UPDATES[kind].split()[0]}", fontsize=7)


def _shade(axes: Axes, sample: GateSample, windows: Sequence[Sequence[float]]) -> None:
    """Mark relevant windows, and clips without audio."""
    starts, ends = _extent(sample)
    for window in windows:
        axes.axvspan(window[0], window[1], color=RELEVANT, linewidth=0, zorder=-2)
    # Grey below the windows and hatching above them, so that both are visible.
    silent: Bools = np.zeros(len(starts), dtype=bool) if sample.audio_mask is None else ~sample.audio_mask
    for start, end in join_clips(starts[silent], ends[silent]):
        axes.axvspan(start, end, color=SHUT, linewidth=0, zorder=-3)
        axes.axvspan(start, end, facecolor="none", edgecolor=SHUT_EDGE, hatch=HATCH, linewidth=0, zorder=-1)
    axes.set_xlim(starts[0], ends[-1])


def join_clips(starts: Floats, ends: Floats) -> list[tuple[float, float]]:
    """Join neighbouring clips into one span, so that the hatching has no seams."""
    joined: list[tuple[float, float]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if joined and start <= joined[-1][1] + 1e-6:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def make_key(view: GateView, shown: Sequence[int]) -> list[Line2D | Patch]:
    """Legend of the examples: layers, hatching, relevant windows; each only if an example shows it."""
    samples = [view.log.samples[index] for index in shown]
    drawn = [read_curves(sample, kind) for sample in samples for kind in view.log.kinds]
    key: list[Line2D | Patch] = []
    if any(curves is not None and not np.isnan(curves[1]).all() for curves in drawn):
        key += [
            Line2D([], [], color=colour, linewidth=1.4, label=f"layer {number}")
            for number, colour in enumerate(layer_colours(view.log.layers), start=1)
        ]
    masks = [sample.audio_mask for sample in samples]
    if any(mask is not None and not mask.all() for mask in masks):
        key.append(Patch(facecolor=SHUT, edgecolor=SHUT_EDGE, hatch=HATCH, linewidth=0, label="no audio"))
    if any(view.row(index).get("relevant_windows") for index in shown):
        key.append(Patch(color=RELEVANT, label="relevant window"))
    return key
