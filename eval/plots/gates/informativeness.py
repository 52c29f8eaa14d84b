"""Gates against the informativeness of the audio: its label if there is one, its level, and its novelty.

The label (`audio_informative`) describes the video, so it is compared with the mean gate of the video. Level and
novelty vary from clip to clip: they are compared with the gates of the clips if each clip has one, else with those of
the videos, at the mean level (or novelty) of their clips with sound.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from eval.plots.gates.layers import draw_gate_groups, widen_axis
from eval.plots.gates.scales import TITLES, layer_colours
from eval.plots.gates.tick_labels import GAP, measure_text
from eval.plots.gates.view import GateView
from eval.plots.style import INK, PAGE_WIDTH, QUIET, explain_empty
from eval.rank_statistics import compute_auc, compute_rho
from formats.arrays import Floats
from formats.gate_log import GateSample

LABELLED = "audio informative", "audio not informative"
# Most layers whose AUCs fit into one of three panels side by side.
MOST_BESIDE = 8
# Most dots per panel: more would cover each other and make SVG files large.
MOST_DOTS = 1600
MEASURES = {
    "level_db": ("audio_level_db", "sound level (dB)"),
    "novelty": ("audio_novelty", "novelty (1 - cosine to the mean)"),
}


def draw_informativeness(view: GateView) -> Figure:
    """Draw each kind by label (with the AUC of each layer), against level, and against novelty.

    One row of panels per kind, or two if the AUCs of all layers need the whole width.
    """
    kinds = view.log.kinds
    wide = view.log.layers > MOST_BESIDE
    across = 2 if wide else 3
    width = PAGE_WIDTH / across - 0.6
    rhos = 0.1 * (-(-view.log.layers // count_rhos(width)) - 1)
    legend = 0.13 * -(-view.log.layers // 6)
    height = ((4.1 if wide else 2.25) + rhos) * len(kinds) + 0.6 + legend
    figure = Figure(figsize=(PAGE_WIDTH, height), layout="constrained")
    grid = figure.add_gridspec(len(kinds) * (2 if wide else 1), across)
    for number, kind in enumerate(kinds):
        labelled = grid[2 * number, :] if wide else grid[number, 0]
        draw_labelled(figure.add_subplot(labelled), view, kind, PAGE_WIDTH - 0.6 if wide else width)
        for place, measure in enumerate(MEASURES):
            cell = grid[2 * number + 1, place] if wide else grid[number, place + 1]
            draw_against(figure.add_subplot(cell), view, kind, measure, width)
    handles: list[Patch | Line2D] = [*view.key(*LABELLED)]
    if any(len(pair(view, "mha", measure)[0]) for measure in MEASURES):
        handles += [
            Line2D([], [], color=colour, marker="o", linestyle="", markersize=4, label=f"layer {number}")
            for number, colour in enumerate(layer_colours(view.log.layers), start=1)
        ]
    if handles:
        columns = min(len(handles), 6)
        figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=7, handlelength=1.2)
    what = "clips with sound" if _is_by_clip(view) else f"{view.what}, at the mean of their clips with sound"
    figure.suptitle(
        "AUC: how often a sample with informative audio has the higher gate (0.5: by chance).\n"
        f"ρ: Spearman's rank correlation, of {what}."
    )
    return figure


def areas(view: GateView, kind: str) -> Floats | None:
    """Area under the ROC curve of each layer, informative against other audio; None unless both occur."""
    members = dict(view.members())
    found, others = (members.get(name, []) for name in LABELLED)
    if not found or not others:
        return None
    return compute_auc(view.means[kind][found + others], np.repeat([True, False], [len(found), len(others)]))


def draw_labelled(axes: Axes, view: GateView, kind: str, width: float) -> None:
    """Draw the gates by layer in both groups, with the AUC above each layer. `width`: width of the panel in inches."""
    if not any(name in LABELLED for name, _ in view.groups):
        why = "neither the log nor the ground\ntruth has audio_informative"
        explain_empty(axes, why if view.heard() else "no sample has audio")
        axes.set_ylabel(TITLES[kind])
        return
    draw_gate_groups(axes, view, kind)
    found = areas(view, kind)
    if found is None:
        axes.set_title("AUC: needs samples of both kinds", fontsize=7, color=QUIET)
        return
    room = width / len(found)
    size = next((size for size in (7.0, 5.5) if measure_text(4, size) + GAP <= room), 5.5)
    upright = measure_text(4, size) > room
    for layer, area in enumerate(found):
        first = "AUC " if upright else "AUC\n"
        axes.text(
            layer, 1.01, f"{first if layer == 0 else ''}{area:.2f}", transform=axes.get_xaxis_transform(),
            ha="center", va="bottom", fontsize=size, color=INK, rotation=90 if upright else 0,
        )  # fmt: skip


def _is_by_clip(view: GateView) -> bool:
    return view.log.gating_type != "global"


def pair(view: GateView, kind: str, measure: str) -> tuple[Floats, Floats]:
    """Pair a measure of the sound (points,) with the gates (points, layers).

    A point is a clip with sound if there is one gate per clip, else a video (or query).
    """
    measured, gates = [], []
    for index in view.heard():
        sample = view.log.samples[index]
        values = getattr(sample, measure)
        if values is None:
            continue
        known = _with_sound(sample, values)
        if not known.any():
            continue
        if sample.gates[kind].shape[1] == len(values) and _is_by_clip(view):
            measured.append(values[known])
            gates.append(sample.gates[kind][:, known].T)
        else:
            measured.append(values[known].mean(keepdims=True))
            gates.append(view.means[kind][index][None])
    if not measured:
        return np.zeros(0), np.zeros((0, view.log.layers))
    return np.concatenate(measured), np.concatenate(gates)


def _with_sound(sample: GateSample, values: Floats) -> np.ndarray:
    mask = sample.audio_mask
    known = np.isfinite(values)
    return known & mask if mask is not None and len(mask) == len(values) else known


def count_rhos(width: float) -> int:
    """Number of rank correlations that fit on one line above a panel of this width (inches)."""
    return max(4, int((width - 0.6) / 0.36))


def draw_against(axes: Axes, view: GateView, kind: str, measure: str, width: float) -> None:
    """Draw the gates of each layer against a measure of the sound, with their rank correlations; see `pair`.

    `width`: width of the panel in inches.
    """
    key, label = MEASURES[measure]
    measured, gates = pair(view, kind, measure)
    axes.set_xlabel(label, fontsize=8)
    if not len(measured):
        explain_empty(axes, f"the log has no {key}" if view.heard() else "no sample has audio")
        return
    shown = np.unique(np.linspace(0, len(measured) - 1, MOST_DOTS // view.log.layers).astype(int))
    size = 4.0 if len(shown) <= 100 else 1.8
    for layer, colour in zip(gates.T, layer_colours(view.log.layers), strict=True):
        axes.plot(measured[shown], layer[shown], "o", color=colour, markersize=size, alpha=0.55, markeredgewidth=0)
    rhos = compute_rho(measured, gates)
    if np.isnan(rhos).all():
        axes.set_title("ρ: needs values that differ", fontsize=7, color=QUIET)
    else:
        texts = ["–" if np.isnan(rho) else f"{rho:+.2f}" for rho in rhos]
        across = count_rhos(width)
        lines = [" ".join(texts[start : start + across]) for start in range(0, len(texts), across)]
        axes.set_title("ρ by layer: " + "\n".join(lines), fontsize=6.5)
    widen_axis(axes, "x")
    widen_axis(axes, "y")
    axes.grid(True)
