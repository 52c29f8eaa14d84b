"""The lower part of the gate sheet: single videos over time, layer by layer, with audio presence and saliency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.gates import Bools, Floats, GateLog, GateSample
from eval.plots.style import INK, QUIET, fit_text

RELEVANT, SILENT = "#ffe9a8", "#e3e3e3"


def choose_values(sample: GateSample, kind: str) -> tuple[str, Floats] | None:
    """What of a kind varies over time: its gates (layers, clips), else its contribution, else nothing."""
    if sample.gates[kind].shape[1] > 1:
        return "gate", sample.gates[kind]
    contribution = sample.contribution.get(kind)
    if contribution is not None and contribution.shape[1] > 1:
        return "contribution", contribution
    return None


def count_example_rows(log: GateLog, examples: Sequence[tuple[int, str]]) -> int:
    """How many of the examples have something to draw over time."""
    return sum(any(choose_values(log.samples[index], kind) for kind in log.kinds) for index, _ in examples)


def draw_examples(
    figure: Figure,
    place: SubplotSpec,
    log: GateLog,
    examples: Sequence[tuple[int, str]],
    titles: Mapping[str, str],
    truth: Mapping[Any, dict[str, Any]],
) -> None:
    """Draw each example (index into the samples, name of its group) as a line of panels, one a kind.

    Relevant windows come from the ground truth rows by qid, where there are some.
    """
    shown = [(log.samples[index], group) for index, group in examples]
    shown = [(sample, group) for sample, group in shown if any(choose_values(sample, kind) for kind in log.kinds)]
    # A kind that no sample logs by clip, such as a global FiLM shift, gets no panel.
    kinds = [kind for kind in log.kinds if any(choose_values(sample, kind) for sample, _ in shown)]
    rows = GridSpecFromSubplotSpec(len(shown), 1, place)
    for number, (sample, group) in enumerate(shown):
        row = truth.get(sample.qid, sample.row)
        cells = GridSpecFromSubplotSpec(
            3, len(kinds) + 1, rows[number], height_ratios=[0.5, 3, 1.1], width_ratios=[4] * len(kinds) + [1.3]
        )
        heading = figure.add_subplot(cells[0, :])
        heading.set_axis_off()
        query = f": “{row['query']}”" if row.get("query") else ""
        text = f"Example {number + 1} ({group}), {fit_text(sample.vid, 40)}{query}"
        heading.text(0, 0.2, fit_text(text, 150), fontsize=10, color=INK, transform=heading.transAxes)
        windows = row.get("relevant_windows") if sample.clip_times is not None else None
        for column, kind in enumerate(kinds):
            if sample.saliency is None:
                panels = [figure.add_subplot(cells[1:, column])]
            else:
                panels = [figure.add_subplot(cells[1, column])]
                panels.append(figure.add_subplot(cells[2, column], sharex=panels[0]))
                panels[0].tick_params(labelbottom=False)
                _draw_saliency(panels[1], _middles(sample), sample.saliency)
            _draw_kind(panels[0], sample, kind, titles[kind])
            for axes in panels:
                _shade(axes, sample, windows or [])
            panels[-1].set_xlabel("time (s)" if sample.clip_times is not None else "clip (the log has no times)")
        key = figure.add_subplot(cells[1:, -1])
        key.set_axis_off()
        key.legend(handles=_make_key(log.layers, sample, bool(windows)), loc="upper left", ncols=1 + (log.layers > 8))


def _extent(sample: GateSample) -> tuple[Floats, Floats]:
    """Starts and ends of the clips on the time axis: seconds, or clip numbers in a log without times."""
    if sample.clip_times is not None:
        return sample.clip_times[:, 0], sample.clip_times[:, 1]
    lengths = [values.shape[1] for values in [*sample.gates.values(), *sample.contribution.values()]]
    starts = np.arange(max(lengths), dtype=np.float64)
    return starts, starts + 1


def _middles(sample: GateSample) -> Floats:
    starts, ends = _extent(sample)
    return (starts + ends) / 2


def _layer_colours(layers: int) -> list[Any]:
    # Not to the end of the map, whose yellow is too pale on white.
    return [colormaps["viridis"](value) for value in np.linspace(0, 0.85, layers)]


def _draw_kind(axes: Axes, sample: GateSample, kind: str, title: str) -> None:
    chosen = choose_values(sample, kind)
    if chosen is None:
        axes.text(0.5, 0.5, "not logged by clip", ha="center", va="center", color=QUIET, transform=axes.transAxes)
        axes.set_xlim(_extent(sample)[0][0], _extent(sample)[1][-1])
        axes.set_yticks([])
    else:
        what, values = chosen
        if sample.audio_mask is not None:
            # Forced to 0 there: a gap says more than a fall, and leaves room for the rest.
            values = np.where(~sample.audio_mask & (values == 0), np.nan, values)
        for layer, colour in zip(values, _layer_colours(len(values)), strict=True):
            axes.plot(_middles(sample), layer, color=colour, linewidth=1.6, marker=".", markersize=3)
        known = values[np.isfinite(values)]
        if known.size and np.ptp(known) < 1e-6:  # a flat line in a sensible range, not in one of rounding errors
            axes.set_ylim(known.min() - 0.05, known.max() + 0.05)
        short = title.removesuffix(" gate")
        axes.set_ylabel(("shift" if kind == "beta" else "gate") if what == "gate" else "|g·Δ| / |x|")
        axes.set_title(title if what == "gate" else f"Contribution of the {short} update", fontsize=9)
    axes.grid(True)


def _draw_saliency(axes: Axes, middles: Floats, saliency: Floats) -> None:
    axes.plot(middles, saliency, color=INK, linewidth=1.2)
    axes.set_ylabel("saliency", fontsize=8)
    axes.locator_params(axis="y", nbins=3)


def _shade(axes: Axes, sample: GateSample, windows: Sequence[Sequence[float]]) -> None:
    """Mark relevant windows, and clips without audio."""
    starts, ends = _extent(sample)
    for window in windows:
        axes.axvspan(window[0], window[1], color=RELEVANT, linewidth=0, zorder=-2)
    silent: Bools = np.zeros(len(starts), dtype=bool) if sample.audio_mask is None else ~sample.audio_mask
    for start, end in _join(starts[silent], ends[silent]):
        axes.axvspan(start, end, facecolor=SILENT, edgecolor="#b0b0b0", hatch="///", linewidth=0, zorder=-1)
    axes.set_xlim(starts[0], ends[-1])


def _join(starts: Floats, ends: Floats) -> list[tuple[float, float]]:
    """Neighbouring clips as one stretch, so that its hatching has no seams."""
    joined: list[tuple[float, float]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if joined and start <= joined[-1][1] + 1e-6:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined


def _make_key(layers: int, sample: GateSample, windows: bool) -> list[Line2D | Patch]:
    key: list[Line2D | Patch] = [
        Line2D([], [], color=colour, linewidth=1.6, label=f"layer {number}")
        for number, colour in enumerate(_layer_colours(layers), start=1)
    ]
    if sample.audio_mask is not None and not sample.audio_mask.all():
        key.append(Patch(facecolor=SILENT, edgecolor="#b0b0b0", hatch="///", linewidth=0, label="no audio"))
    if windows:
        key.append(Patch(color=RELEVANT, label="relevant window"))
    return key
