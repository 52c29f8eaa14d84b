"""One sheet that shows what the gates do: by layer and video, by group, and over the time of example videos.

Each kind of gate has its own row, colour scale and unit, for a sigmoid and a signed gate share neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cli.files import Row
from eval.gates import Floats, GateLog, GateSample
from eval.plots.gate_examples import count_example_rows, draw_examples
from eval.plots.style import INK, QUIET, fit_text, house_style, save_png
from eval.rows import Qid

# In the order of the sheet; colours as in `COLOURS`, grey where a gate has nothing to act on.
GROUPS = {
    "audio informative": "#0072B2",
    "audio not informative": "#E69F00",
    "with audio": "#009E73",
    "all samples": "#0072B2",
    "no audio": "#7f7f7f",
}
CLOSED = "#c8c8c8"
# Up to this many samples a column is wide enough for its value and its name.
MOST_NAMED = 12
NARROWEST = 0.01


@dataclass(frozen=True)
class _Scale:
    title: str
    unit: str
    bar: str
    colours: str
    signed: bool
    narrowest: float  # a smaller spread is drawn as this one, so that noise does not look like structure


SCALES = {
    "mha": _Scale(
        "MHA (attention) gate",
        "gate",
        "weight of the audio update: sigmoid x learnt scale, 0 = shut",
        "viridis",
        False,
        0.05,
    ),
    "ffn": _Scale(
        "FFN gate", "gate", "signed weight of the feed-forward update (with FiLM: 1 + gate)", "RdBu_r", True, 0.01
    ),
    "beta": _Scale("FiLM shift (beta)", "shift", "signed shift of the features, 0 = none", "PuOr_r", True, 0.01),
}


@dataclass(frozen=True)
class _Sheet:
    """What is drawn: one column a sample, in order; `groups` holds name and number of columns."""

    log: GateLog
    columns: list[int]  # indices into log.samples
    groups: list[tuple[str, int]]
    per_video: bool
    means: dict[str, Floats]  # kind -> (samples of the log, layers)
    closed: np.ndarray  # (samples of the log,): no audio and every gate exactly 0

    @property
    def what(self) -> str:
        return "videos" if self.per_video else "queries"

    def slices(self) -> list[tuple[str, slice]]:
        ends = np.cumsum([count for _, count in self.groups]).tolist()
        return [(name, slice(end - count, end)) for (name, count), end in zip(self.groups, ends, strict=True)]


def plot_gates(log: GateLog, path: Path, title: str = "Gates", ground_truth: Sequence[Row] = ()) -> None:
    """Draw the sheet as one PNG.

    Heatmaps layers x samples for each kind, with the layers' mean and spread of each group beside them; below, one or
    two videos over time: the gates where they vary by clip, the contribution |gate · update| / |features| where the
    gate covers the whole video. Samples are videos where all queries of a video have the same gates.
    """
    truth = {row["qid"]: row for row in ground_truth if "qid" in row}
    sheet = _arrange(log, truth)
    examples = _choose_examples(sheet)
    contributions = [log.contributions(kind) for kind in log.kinds]
    shares = [6, 2.2, *([2.2] if any(values is not None for values in contributions) else [])]
    examples_height = 2.75 * count_example_rows(log, examples)
    panels = [0.28 * min(log.layers, 12) + 0.85, 0.7] * len(log.kinds)
    heights = [0.8, 0.3, *panels, *([examples_height] if examples_height else []), 0.5]
    # The colour bar's row is mostly its label, which the layout adds to the row's own share.
    ratios = [0.1 if 2 <= row < 2 + len(panels) and row % 2 else height for row, height in enumerate(heights)]
    with house_style():
        figure = Figure(figsize=(13, sum(heights)), layout="constrained")
        # One grid for all rows, so that the band of the groups and all heatmaps share their edges.
        grid = figure.add_gridspec(len(heights), len(shares), width_ratios=shares, height_ratios=ratios)
        _write_header(figure.add_subplot(grid[0, :]), sheet, title)
        _draw_strip(figure.add_subplot(grid[1, 0]), sheet)
        for number, (kind, contribution) in enumerate(zip(log.kinds, contributions, strict=True)):
            row = 2 + 2 * number
            heat = figure.add_subplot(grid[row, 0])
            _draw_heatmap(heat, figure.add_subplot(grid[row + 1, 0]), sheet, kind, named=kind == log.kinds[-1])
            _draw_layers(
                figure.add_subplot(grid[row, 1], sharey=heat), sheet, sheet.means[kind],
                f"{SCALES[kind].unit}, mean ± sd of {sheet.what}", SCALES[kind].signed,
            )  # fmt: skip
            if contribution is not None:
                beside = figure.add_subplot(grid[row, 2], sharey=heat)
                _draw_layers(beside, sheet, contribution, "contribution |g·Δ| / |x|", signed=False)
        if examples_height:
            titles = {kind: SCALES[kind].title for kind in log.kinds}
            draw_examples(figure, grid[-2, :], log, examples, titles, truth)
        _write_footer(figure.add_subplot(grid[-1, :]), sheet, bool(examples_height))
        save_png(figure, path)


def _group_of(sample: GateSample, truth: Row) -> str:
    row = {**sample.row, **truth}
    informative = row.get("audio_informative")
    if informative is None and row.get("modality") is not None:
        informative = row["modality"] in ("audio", "joint")
    if sample.has_audio is False:
        return "no audio"
    if informative is not None:
        return "audio informative" if informative else "audio not informative"
    return "all samples" if sample.has_audio is None else "with audio"


def _arrange(log: GateLog, truth: Mapping[Qid, Row]) -> _Sheet:
    """Choose the samples and their order: by group, within it by the mean MHA gate, so that columns agree between rows.

    A video whose queries belong to several groups stands in the first of them: its audio is informative if it is so
    for one query.
    """
    order = list(GROUPS)
    names = [_group_of(sample, truth.get(sample.qid, {})) for sample in log.samples]
    per_video = log.are_per_video()
    by_rank = sorted(range(len(names)), key=lambda index: (order.index(names[index]), index))
    means = {kind: log.means(kind) for kind in log.kinds}
    level = means["mha"].mean(1)
    columns = sorted(
        log.distinct(by_rank, per_video), key=lambda index: (order.index(names[index]), -level[index], index)
    )
    used = [names[index] for index in columns]
    silent = np.array([sample.has_audio is False for sample in log.samples])
    closed = silent & np.all([np.all(values == 0, axis=1) for values in means.values()], axis=0)
    groups = [(name, used.count(name)) for name in order if name in used]
    return _Sheet(log, columns, groups, per_video, means, closed)


def _choose_examples(sheet: _Sheet, most: int = 2) -> list[tuple[int, str]]:
    """The sample of each group (the first two that are not closed) that varies most over time, and its group's name."""
    ranked = []
    for name, part in sheet.slices():
        found = [index for index in sheet.columns[part] if not sheet.closed[index]]
        ranked.append(
            [(index, name) for index in sorted(found, key=lambda index: -_variation(sheet.log.samples[index]))]
        )
    ranked = [found for found in ranked if found]
    if len(ranked) == 1:
        return ranked[0][:most]
    return [found[0] for found in ranked[:most]]


def _variation(sample: GateSample) -> float:
    gates = sample.gates["mha"]
    values = gates if gates.shape[1] > 1 else sample.contribution.get("mha", gates)
    if sample.audio_mask is not None and values.shape[1] == len(sample.audio_mask):
        values = values[:, sample.audio_mask]  # not the fall to 0 where the audio ends
    return round(float(values.std(1).mean()), 9) if values.size else 0.0


def _write_header(axes: Axes, sheet: _Sheet, title: str) -> None:
    log = sheet.log
    axes.set_axis_off()
    axes.text(0, 1, fit_text(title, 95), fontsize=14, weight="bold", va="top", color=INK, transform=axes.transAxes)
    split = re.match(r"gate_logs_(.+)_N(all|\d+)", log.name)
    videos = len({sample.vid for sample in log.samples})
    facts = [
        *([f"split {fit_text(split[1], 20)}"] if split else []),
        f"{_count(len(log.samples), 'query', 'queries')} of {_count(videos, 'video', 'videos')}",
        f"{log.gating_type} gating",
        _count(log.layers, "layer", "layers"),
        f"from {fit_text(log.name, 50)}",
    ]
    axes.text(0, 0.62, "   ·   ".join(facts), fontsize=10, va="top", color=QUIET, transform=axes.transAxes)
    patches = [Patch(color=GROUPS[name], label=f"{name} ({count})") for name, count in sheet.groups]
    if sheet.closed[sheet.columns].any():
        patches.append(Patch(color=CLOSED, label="closed: no audio track, every gate is 0"))
    axes.legend(
        handles=patches, loc="lower left", bbox_to_anchor=(-0.004, -0.2), ncols=len(patches), fontsize=9,
        handlelength=1.2, borderpad=0.1, borderaxespad=0,
    )  # fmt: skip


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _draw_strip(axes: Axes, sheet: _Sheet) -> None:
    """The groups as a coloured band over the first heatmap; a name only where it fits."""
    total = len(sheet.columns)
    for name, part in sheet.slices():
        axes.axvspan(part.start - 0.5, part.stop - 0.5, color=GROUPS[name], linewidth=0)
        text = f"{name} ({part.stop - part.start})"
        if (part.stop - part.start) / total * 90 > len(text):
            axes.text(
                (part.start + part.stop - 1) / 2, 0.5, text, transform=axes.get_xaxis_transform(),
                ha="center", va="center", fontsize=8, color="white", weight="bold",
            )  # fmt: skip
    axes.set_xlim(-0.5, total - 0.5)
    axes.set_axis_off()


def _draw_heatmap(axes: Axes, bar: Axes, sheet: _Sheet, kind: str, named: bool) -> None:
    scale = SCALES[kind]
    values = sheet.means[kind][sheet.columns].T  # (layers, samples)
    shown = np.ma.array(values, mask=np.broadcast_to(sheet.closed[sheet.columns], values.shape))
    lowest, highest = _choose_limits(shown.compressed(), scale)
    colours = colormaps[scale.colours].with_extremes(bad=CLOSED)
    image = axes.imshow(
        shown, cmap=colours, vmin=lowest, vmax=highest, aspect="auto", interpolation="nearest", resample=False
    )
    for _, part in sheet.slices()[1:]:
        axes.axvline(part.start - 0.5, color="white", linewidth=3)
        axes.axvline(part.start - 0.5, color=INK, linewidth=1)
    axes.set_title(f"{scale.title}: layers × {sheet.what}")
    step = -(-sheet.log.layers // 12)
    axes.set_yticks(range(0, sheet.log.layers, step), [f"layer {n + 1}" for n in range(0, sheet.log.layers, step)])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(sheet.columns) <= MOST_NAMED:
        _write_values(axes, shown, colours, lowest, highest)
        most = max(10, 84 // len(sheet.columns))
        labels = [fit_text(_name(sheet, index), most) for index in sheet.columns]
        axes.set_xticks(range(len(labels)), labels if named else [""] * len(labels), fontsize=7)
        if len(labels) > 4:
            axes.tick_params(axis="x", labelrotation=20)
    elif named:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(f"{sheet.what}, within each group by falling mean MHA gate")
    else:
        axes.set_xticks([])
    found = shown.compressed()
    spread = f"found {found.min():.3g} to {found.max():.3g}" if found.size else "none open"
    bar.figure.colorbar(image, cax=bar, orientation="horizontal", extend="neither")
    bar.set_xlabel(f"{scale.bar} ({spread})", fontsize=8)
    bar.tick_params(labelsize=7)


def _name(sheet: _Sheet, index: int) -> str:
    sample = sheet.log.samples[index]
    return sample.vid if sheet.per_video else f"{sample.vid} q{sample.qid}"


def _choose_limits(values: Floats, scale: _Scale) -> tuple[float, float]:
    """Limits of the colours: the range of the values, or about 0 if signed, never narrower than the scale allows."""
    if not values.size:
        return (-scale.narrowest, scale.narrowest) if scale.signed else (0.0, 1.0)
    if scale.signed:
        reach = max(float(np.abs(values).max()), scale.narrowest)
        return -reach, reach
    lowest, highest = float(values.min()), float(values.max())
    widen = max(0.0, scale.narrowest - (highest - lowest)) / 2
    return lowest - widen, highest + widen


def _write_values(axes: Axes, shown: np.ma.MaskedArray, colours: Colormap, lowest: float, highest: float) -> None:
    size = 8 if shown.shape[0] <= 8 else 6
    for layer, sample in np.ndindex(*shown.shape):
        value = shown[layer, sample]
        if value is np.ma.masked:
            continue
        red, green, blue, _ = colours((value - lowest) / (highest - lowest))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
        axes.text(
            sample, layer, f"{value:.3f}", ha="center", va="center", fontsize=size, color="white" if dark else INK
        )


def _draw_layers(axes: Axes, sheet: _Sheet, values: Floats, label: str, signed: bool) -> None:
    """Mean and sd of each group at each layer, on the rows of the heatmap beside it. `values`: (samples, layers)."""
    parts = [
        (name, [index for index in sheet.columns[part] if not sheet.closed[index]]) for name, part in sheet.slices()
    ]
    parts = [(name, found) for name, found in parts if found]
    for place, (name, found) in enumerate(parts):
        offset = (place - (len(parts) - 1) / 2) * 0.22
        axes.errorbar(
            values[found].mean(0), np.arange(values.shape[1]) + offset, xerr=values[found].std(0), fmt="o",
            markersize=4.5, color=GROUPS[name], elinewidth=1.4, capsize=2,
        )  # fmt: skip
    if not parts:
        axes.text(0.5, 0.5, "no sample has audio", ha="center", color=QUIET, transform=axes.transAxes)
        axes.set_xticks([])
    axes.set_ylim(values.shape[1] - 0.5, -0.5)
    if signed and parts:
        axes.axvline(0, color=QUIET, linewidth=0.8, zorder=0)
    axes.margins(x=0.15)
    left, right = axes.get_xlim()
    if right - left < NARROWEST:  # equal values: not a scale of rounding errors
        middle = (left + right) / 2
        axes.set_xlim(middle - NARROWEST / 2, middle + NARROWEST / 2)
    if parts:
        axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(label, fontsize=8)
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.grid(True, axis="x")


def _write_footer(axes: Axes, sheet: _Sheet, examples: bool) -> None:
    same = (
        "all queries of a video have the same gates, so a column is one video"
        if sheet.per_video
        else "a column is one query"
    )
    lines = [
        f"A value is the mean over channels and the clips with audio (all clips if the log has no audio mask); {same}.",
        "Examples: from each of the first two groups the one whose values vary most over the clips with audio. "
        "Where there is no audio, values of 0 are not drawn."
        if examples
        else "No example over time: no sample has audio."
        if sheet.closed.all()
        else "No example over time: the gate covers the whole video and the log holds no contribution by clip.",
    ]
    axes.text(0, 0.5, "\n".join(lines), fontsize=8, color=QUIET, va="center", transform=axes.transAxes)
    axes.set_axis_off()
