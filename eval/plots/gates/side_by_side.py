"""Gates of several runs side by side: their spread over the samples at each layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cli import UserError
from eval.markup import count
from eval.plots.gates.layers import SPREAD_NOTE, draw_spread, label_layer_axis, widen_axis
from eval.plots.gates.scales import MEANINGS, TITLES, is_signed
from eval.plots.gates.view import GateView, arrange
from eval.plots.style import COLOURS, PAGE_WIDTH, PRINT_DPI, QUIET, explain_empty, fit_text, house_style, save_figure
from formats.gate_log import GateLog

MOST_LOGS = len(COLOURS)


def plot_gate_comparison(logs: Sequence[GateLog], titles: Sequence[str], paths: Sequence[Path]) -> None:
    """Draw the logs of several runs side by side and save the figure to each path, .png or .svg.

    Runs may differ in gating type, kinds of gates and layers. Each has its colour, in the order given.

    Raises:
        UserError: there are more logs than colours, or a figure cannot be written.
    """
    if len(logs) > MOST_LOGS:
        raise UserError(f"at most {MOST_LOGS} gate logs can be compared in one figure, got {len(logs)}")
    with house_style():
        save_figure(draw_comparison([arrange(log) for log in logs], titles), paths, PRINT_DPI)


def draw_comparison(views: Sequence[GateView], titles: Sequence[str]) -> Figure:
    """The figure: one panel per kind of gate that any run has, one colour per run."""
    kinds = [kind for kind in TITLES if any(kind in view.log.kinds for view in views)]
    layers = max(view.log.layers for view in views)
    figure = Figure(figsize=(PAGE_WIDTH, 2.3 * len(kinds) + 0.4 + 0.2 * len(views)), layout="constrained")
    width = 0.8 / len(views)
    for axes, kind in zip(figure.subplots(len(kinds), 1, squeeze=False)[:, 0], kinds, strict=True):
        drawn = [(number, view) for number, view in enumerate(views) if kind in view.log.kinds and view.heard()]
        for number, view in drawn:
            aside = (number - (len(views) - 1) / 2) * width
            for layer, values in enumerate(view.means[kind][view.heard()].T):
                draw_spread(axes, layer + aside, values, COLOURS[number], width * 0.8)
        axes.set_title(TITLES[kind], fontsize=9)
        axes.set_ylabel(MEANINGS[kind], fontsize=8)
        if not drawn:
            explain_empty(axes, "no sample has audio")
            continue
        label_layer_axis(axes, layers)
        widen_axis(axes, axis="y")
        if any(is_signed(kind, view.means[kind]) for _, view in drawn):
            axes.axhline(0, color=QUIET, linewidth=0.8, zorder=0)
        axes.grid(True, axis="y")
    handles = [
        Patch(color=COLOURS[number], label=f"{fit_text(title, 50)}: {_size(view)}")
        for number, (title, view) in enumerate(zip(titles, views, strict=True))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1, handlelength=1.2)
    figure.suptitle(f"{SPREAD_NOTE}.\nSamples without audio are left out.")
    return figure


def _size(view: GateView) -> str:
    heard = len(view.heard())
    samples = count(heard, "video", "videos") if view.per_video else count(heard, "query", "queries")
    return f"{samples} with audio, {view.log.gating_type} gating"
