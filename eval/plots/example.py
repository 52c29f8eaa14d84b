"""Figure of one query on one time axis: frames, sound, gates, highlight scores, labelled and predicted moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from eval.best_moments import Ranked, show_time
from eval.markup import count
from eval.plots.gates.over_time import RELEVANT, SOUND
from eval.plots.gates.scales import KIND_COLOURS
from eval.plots.gates.view import GateView
from eval.plots.style import COLOURS, FAINT, INK, QUIET, explain_empty, fit_text, house_style, save_figure
from formats.arrays import Floats
from formats.gate_log import GateSample
from formats.grid import CLIP_SECONDS
from formats.labels import read_relevant_windows
from formats.predictions import read_predicted_saliency
from formats.rows import Row
from formats.strip import Strip

WIDTH = 9.0
"""Inches; of them, LEFT for the panels' names and RIGHT for what is written beside them."""
LEFT, RIGHT = 1.25, 1.15
TOP, BOTTOM, GAP = 0.72, 0.54, 0.09
HIGHEST_FRAME = 1.1
TRUE, PREDICTED, LABELLED = "#E69F00", "#D55E00", "#a06f00"
BESIDE = 1.012
"""Where texts beside a panel start, as a share of its width."""
MOST_MOMENTS = 3
MOST_THICK = 300
"""With more clips, thick lines would hide their steps."""
NAMES = {"mha": "audio gate\n(MHA)", "ffn": "FFN gate", "gamma": "FiLM scale", "beta": "FiLM shift"}


@dataclass(frozen=True, kw_only=True)
class Example:
    """A query and all that is known of its answer."""

    query: Row
    prediction: Row | None
    ranked: Sequence[Ranked]
    """Its best moments."""
    view: GateView | None = None
    """The gate log of the run."""
    strip: Strip | None = None
    about: str = ""
    """A line below the query: the run, and how the query was chosen."""
    where: str = "predictions"
    """Name of the predictions in messages."""

    @property
    def place(self) -> int | None:
        """Index of the query in the gate log; None if the log does not have it."""
        samples = self.view.log.samples if self.view else ()
        return next((index for index, sample in enumerate(samples) if sample.qid == self.query["qid"]), None)

    @property
    def sample(self) -> GateSample | None:
        """Its row of the gate log."""
        return None if self.view is None or self.place is None else self.view.log.samples[self.place]


def plot_example(example: Example, paths: Sequence[Path]) -> None:
    """Draw the figure and save it to each path, .png or .svg. What is not known is left out, or its panel says so.

    Raises:
        UserError: prediction or labels are malformed.
    """
    with house_style():
        panels = _choose_panels(example)
        height = TOP + BOTTOM + sum(inches + GAP for _, inches in panels)
        figure = Figure(figsize=(WIDTH, height))
        query = f"“{fit_text(example.query['query'], 68)}”"
        figure.text(0.012, 1 - 0.24 / height, query, fontsize=15, color=INK, va="center")
        about = fit_text(example.about or example.query["vid"], 150)
        figure.text(0.013, 1 - 0.52 / height, about, fontsize=8, color=QUIET, va="center")
        below, first = height - TOP, None
        for name, inches in panels:
            below -= inches
            place = (LEFT / WIDTH, below / height, (WIDTH - LEFT - RIGHT) / WIDTH, inches / height)
            axes = figure.add_axes(place, sharex=first)
            first = first or axes
            below -= GAP
            _draw(axes, name, example)
        _finish(figure, example)
        save_figure(figure, paths)


def _choose_panels(example: Example) -> list[tuple[str, float]]:
    """Names and heights in inches."""
    panels = []
    strip = example.strip
    if strip is not None and len(strip.frames):
        count, height, width, _ = strip.frames.shape
        panels.append(("frames", min(HIGHEST_FRAME, (WIDTH - LEFT - RIGHT) / count * height / width)))
    if strip is not None or (example.sample and example.sample.level_db is not None):
        panels.append(("sound", 0.75))
    if example.view is not None:
        panels += [(kind, 0.85 if kind == "mha" else 0.6) for kind in example.view.log.kinds]
    if example.prediction is None:
        return [*panels, ("moments", 0.6)]
    return [*panels, ("saliency", 0.75), ("moments", 0.24 + 0.2 * max(1, len(_moments(example))))]


def _moments(example: Example) -> list[Ranked]:
    """Those with at least half the score of the best one."""
    found = [one for one in example.ranked if one.what == "moment"]
    return [one for one in found if one.score >= found[0].score / 2][:MOST_MOMENTS]


def _seconds(example: Example) -> float:
    if example.strip is not None:
        return example.strip.seconds
    if example.prediction is not None:
        return CLIP_SECONDS * len(read_predicted_saliency(example.prediction, example.where))
    return float(example.query["duration"])


def _edges(example: Example, clips: int) -> Floats:
    """Where the clips begin, and where the last one ends."""
    times = example.sample.clip_times if example.sample else None
    if times is not None and len(times) == clips:
        return np.concatenate([times[:, 0], times[-1:, 1]])
    return CLIP_SECONDS * np.arange(clips + 1, dtype=np.float64)


def _draw(axes: Axes, name: str, example: Example) -> None:
    axes.tick_params(labelbottom=False, bottom=False, labelsize=7)
    title = name
    if name == "frames":
        _draw_frames(axes, example)
    elif name == "sound":
        _draw_sound(axes, example)
    elif name == "saliency":
        title = "highlight\nscore"
        _draw_saliency(axes, example)
    elif name == "moments":
        _draw_moments(axes, example)
    else:
        title = NAMES[name]
        _draw_gates(axes, name, example)
    axes.set_ylabel(title, rotation=0, ha="left", va="center", fontsize=9, color=INK)
    axes.yaxis.set_label_coords(-(LEFT - 0.12) / (WIDTH - LEFT - RIGHT), 0.5)


def _draw_frames(axes: Axes, example: Example) -> None:
    assert example.strip is not None
    frames, seconds = example.strip.frames, example.strip.seconds
    width = seconds / len(frames)
    for place, frame in enumerate(frames):
        extent = (place * width, (place + 1) * width, 0, 1)
        axes.imshow(frame, extent=extent, aspect="auto", interpolation="antialiased")
        if place:
            axes.axvline(place * width, color="white", linewidth=1.5)
    axes.set(ylim=(0, 1), yticks=[])
    axes.spines[:].set_visible(False)


def _draw_sound(axes: Axes, example: Example) -> None:
    strip, sample = example.strip, example.sample
    if strip is not None and strip.sound.size:
        known = strip.sound[np.isfinite(strip.sound)]
        low, high = np.percentile(known, [40, 99.7]) if known.size else (0.0, 1.0)
        limits: dict[str, Any] = {"vmin": float(low), "vmax": max(float(high), float(low) + 6)}
        extent = (0, strip.seconds, 0, 1)
        axes.imshow(strip.sound, extent=extent, aspect="auto", origin="lower", cmap="magma", **limits)
        axes.set(ylim=(0, 1), yticks=[])
        _write_beside(axes, "pitch,\nlow to high")
    elif sample is not None and sample.level_db is not None and np.isfinite(sample.level_db).any():
        level = sample.level_db
        floor = float(np.nanmin(level)) - 3
        axes.stairs(level, _edges(example, len(level)), baseline=floor, fill=True, color=SOUND)
        axes.set(ylim=(floor, float(np.nanmax(level)) + 3))
        _write_beside(axes, "level in dB")
    else:
        explain_empty(axes, "no sound")


def _draw_gates(axes: Axes, kind: str, example: Example) -> None:
    """Draw the gate of each layer over time; for the audio gate also their mean, and dashed that of other videos."""
    view, index = example.view, example.place
    assert view is not None
    if index is None:
        size = count(len(view.log.samples), "query", "queries")
        explain_empty(axes, f"this query is not in the gate log, which has {size}")
        return
    sample = view.log.samples[index]
    if sample.has_audio is False:
        explain_empty(axes, "no sound: nothing to let through")
        return
    gates, colour = sample.gates[kind], KIND_COLOURS[kind]
    if gates.shape[1] == 1:
        clips = round(_seconds(example) / CLIP_SECONDS) if sample.clip_times is None else len(sample.clip_times)
        gates = np.repeat(gates, clips, axis=1)
    elif sample.audio_mask is not None:
        # Forced to 0 where there is no sound: a gap says that better than a drop.
        gates = np.where(~sample.audio_mask & (gates == 0), np.nan, gates)
    edges = _edges(example, gates.shape[1])
    for layer in gates:
        axes.stairs(layer, edges, baseline=None, color=colour, alpha=0.45, linewidth=0.9)
    marks: list[tuple[float, str, str]] = []
    if kind == "mha":
        axes.stairs(
            gates.mean(0), edges, baseline=None, color=colour, linewidth=2.2 if len(edges) < MOST_THICK else 0.9
        )
        mean = float(view.means[kind][index].mean())
        marks.append((mean, f"{show_rounded(mean)} in this video", colour))
        if (others := _mean_of_others(view, index)) is not None:
            axes.axhline(others[0], color=QUIET, linewidth=1.1, linestyle=(0, (4, 2)))
            marks.append((others[0], f"{show_rounded(others[0])} {others[1]}", QUIET))
    known = [*gates[np.isfinite(gates)].tolist(), *(value for value, _, _ in marks)]
    low, high = min([0.0, *known]), max([0.0, *known])
    reach = (high - low) or 1.0
    axes.set_ylim(low - (0.08 * reach if low < 0 else 0), high + 0.12 * reach)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=-1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    if marks:
        _write_at(axes, marks)
    else:
        _write_beside(axes, "one line\nper layer" if len(gates) > 1 else "one layer")


def _mean_of_others(view: GateView, index: int) -> tuple[float, str] | None:
    """Mean audio gate of other videos, and their name: of those with uninformative sound where this one's is not so."""
    vid = view.log.samples[index].vid
    groups = dict(view.members())
    mine = next((name for name, found in groups.items() if vid in {view.log.samples[one].vid for one in found}), "")
    other = "audio not informative" if mine == "audio informative" else ""
    found = groups.get(other) or view.heard()
    found = [one for one in found if view.log.samples[one].vid != vid]
    if not found:
        return None
    return float(view.means["mha"][found].mean()), "where sound\ndoes not matter" if groups.get(
        other
    ) else "other videos"


def show_rounded(value: float) -> str:
    """Two decimals, and no minus before zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def _draw_saliency(axes: Axes, example: Example) -> None:
    assert example.prediction is not None
    scores = read_predicted_saliency(example.prediction, example.where)
    edges = _edges(example, len(scores))
    low, high = float(scores.min()), float(scores.max())
    margin = 0.08 * (high - low) or 1.0
    axes.stairs(scores, edges, baseline=low - margin, fill=True, color=COLOURS[2], alpha=0.3)
    axes.stairs(scores, edges, baseline=None, color=COLOURS[2], linewidth=1.3 if len(edges) < MOST_THICK else 0.6)
    axes.set(ylim=(low - margin, high + margin), yticks=[])
    _write_beside(axes, f"of each clip of\n{CLIP_SECONDS:g} seconds")


def _draw_moments(axes: Axes, example: Example) -> None:
    if example.prediction is None:
        explain_empty(axes, "no prediction: the video was left out (problems.tsv)")
        return
    moments, windows = _moments(example), read_relevant_windows(example.query, "queries")
    style: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8}
    row = 0
    if windows is not None:
        for start, end in windows:
            axes.barh(0, end - start, left=start, height=0.7, color=TRUE)
        axes.text(BESIDE, 0, "labelled", color=LABELLED, **style)
        row = 1
    for place, one in enumerate(moments, start=row):
        shade = 0.25 + 0.75 * max(0.0, min(one.score, 1.0))
        axes.barh(place, one.end - one.start, left=one.start, height=0.7, color=PREDICTED, alpha=shade)
        axes.text(BESIDE, place, f"predicted {one.score:.2f}", color=PREDICTED, **style)
    if not moments:
        axes.text(0.5, row, "no moments are predicted", ha="center", color=QUIET, **style)
    axes.set(ylim=(row + max(len(moments), 1) - 0.4, -0.6), yticks=[])


def _write_beside(axes: Axes, text: str) -> None:
    axes.text(BESIDE, 0.5, text, transform=axes.transAxes, va="center", fontsize=7.5, color=QUIET)


def _write_at(axes: Axes, lines: Sequence[tuple[float, str, str]]) -> None:
    """Write texts at the right of the axes, at their values but no closer than their height."""
    low, high = axes.get_ylim()
    inches = axes.get_position().height * axes.figure.bbox.height / axes.figure.dpi
    step = 0.14 / inches * (high - low)
    top = low - step
    for value, text, colour in sorted(lines):
        half = step * (1 + text.count("\n")) / 2
        at = max(value, top + half)
        axes.text(BESIDE, at, text, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=colour)
        top = at + half


def _finish(figure: Figure, example: Example) -> None:
    """Common to all panels: the time axis, the labelled moments, and clips without sound."""
    seconds, windows = _seconds(example), read_relevant_windows(example.query, "queries")
    for axes in figure.axes:
        axes.set_xlim(0, seconds)
        for start, end in windows if windows is not None else ():
            axes.axvspan(start, end, color=RELEVANT, alpha=0.75, linewidth=0, zorder=-2)
            for edge in (start, end):
                axes.axvline(edge, color=TRUE, linewidth=1.0, linestyle=(0, (3, 2)), zorder=5)
    last = figure.axes[-1]
    last.tick_params(labelbottom=True, bottom=True, labelsize=8)
    last.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 1.5, 2, 3, 6, 10]))
    last.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_time(value)))
    figure.text(0.013, 0.14 / figure.get_figheight(), _explain(example), fontsize=7.5, color=QUIET, va="center")


def _explain(example: Example) -> str:
    sentences = []
    if example.sample is not None:
        each = {"global": "video", "clipwise": "clip", "elementwise": "clip and channel, here their mean"}
        log = example.view.log if example.view else None
        per = each.get(log.gating_type, "video") if log else "video"
        sentences.append(f"Gates: one per layer (thin) and {per}; at 0 no sound gets through the audio gate.")
    if example.query.get("relevant_windows"):
        sentences.append("Yellow: the labelled moments.")
    return " ".join(sentences)
