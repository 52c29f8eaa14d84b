"""A sheet with an overview of the gates; the module `figures` draws each part at the size of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure, SubFigure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec

from eval.plots.gates.heatmaps import draw_map, draw_strip, fits_names, shut_key
from eval.plots.gates.informativeness import draw_against, draw_labelled
from eval.plots.gates.layers import CONTRIBUTION, NO_CONTRIBUTION, SPREAD_NOTE, draw_gate_groups, draw_groups
from eval.plots.gates.over_time import HEADING, PANEL, choose_examples, draw_example, make_key
from eval.plots.gates.over_training import NO_GATES, NO_HISTORY, draw_training_panel, read_gate_history
from eval.plots.gates.parts import draw_kind_parts, list_parts
from eval.plots.gates.ranks import TOPK, choose_bar_limits, draw_bars, rank_samples, split_ranks
from eval.plots.gates.scales import TITLES
from eval.plots.gates.view import GateView, arrange
from eval.plots.style import INK, QUIET, explain_empty, fit_text, house_style, save_figure
from formats.gate_log import GateLog
from formats.rows import Row

# Inches. The width of the maps leaves room for two panels next to them.
WIDTH, MAP_WIDTH, SIDE_WIDTH = 13.0, 6.2, 2.5
MOST_EXAMPLES = 2
MEANS = "A value is the mean over channels and the clips with audio (all clips if the log has no audio mask)"


def plot_gate_sheet(
    log: GateLog,
    paths: Sequence[Path],
    title: str = "Gates",
    ground_truth: Sequence[Row] = (),
    topk: int = TOPK,
    history: Sequence[Row] | None = None,
) -> None:
    """Draw the sheet and save it to each path, .png or .svg.

    For each kind of gate: the map of layers x samples, and the gates and contributions of each group by layer. For the
    MHA gate: the highest and lowest samples, parts, sound level and training. Below: up to two examples over time.

    `topk`: number of samples at each end. `history`: the rows of history.jsonl.
    """
    with house_style():
        save_figure(draw_sheet(arrange(log, ground_truth), title, topk, history), paths)


def draw_sheet(view: GateView, title: str, topk: int, history: Sequence[Row] | None) -> Figure:
    """The sheet as a figure; see `plot_gate_sheet`."""
    kinds = view.log.kinds
    examples = choose_examples(view, MOST_EXAMPLES)
    listed = max(3, min(len(view.heard()), 2 * topk))
    heights = [
        0.95,
        (1.4 + 0.26 * min(view.log.layers, 12) + 0.85 * fits_names(view, MAP_WIDTH)) * len(kinds) + 0.3,
        1.3 + 0.155 * max(listed, 10),
        0.35 + HEADING + PANEL * (len(kinds) + 2),
        0.5,
    ]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    header, maps, parts, time, footer = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _write_header(header, view, title)
    _draw_maps(maps, view)
    _draw_parts(parts, view, topk, history)
    grid = time.add_gridspec(1, len(examples) + 1, width_ratios=[12 / len(examples)] * len(examples) + [1])
    for number, (index, group) in enumerate(examples):
        draw_example(time, grid[number], view, index, group)
    key = time.add_subplot(grid[-1])
    key.set_axis_off()
    handles = make_key(view, [index for index, _ in examples])
    if handles:
        key.legend(handles=handles, loc="center left", borderaxespad=0, ncols=-(-len(handles) // 16))
    lines = [
        f"{MEANS}; all queries of a video have the same gates, so a sample is a video."
        if view.per_video
        else f"{MEANS}; a sample is a query.",
        f"{SPREAD_NOTE}. Samples without audio are in no mean of others. Examples: of each group the one whose values"
        " vary most over time.",
    ]
    footer.text(0.01, 0.5, "\n".join(lines), fontsize=8, color=QUIET, va="center", linespacing=1.5)
    return figure


def _write_header(figure: SubFigure, view: GateView, title: str) -> None:
    figure.text(0.01, 0.95, fit_text(title, 95), fontsize=14, weight="bold", va="top", color=INK)
    facts = f"{view.source()} · from {fit_text(view.log.name, 50)}"
    figure.text(0.01, 0.58, facts, fontsize=10, va="top", color=QUIET)
    patches = [*view.key(), *shut_key(view)]
    figure.legend(
        handles=patches, loc="lower left", bbox_to_anchor=(0.005, -0.05), ncols=len(patches), fontsize=9,
        handlelength=1.2, borderaxespad=0,
    )  # fmt: skip


def _draw_maps(figure: SubFigure, view: GateView) -> None:
    """Draw one row per kind: its map, its gates by layer and group (with the AUC), its contribution."""
    kinds = view.log.kinds
    layers = 0.26 * min(view.log.layers, 12) + 0.6
    labelled = any(name.startswith("audio") for name, _ in view.groups)
    grid = figure.add_gridspec(
        1 + 2 * len(kinds), 3, width_ratios=[6, 3, 3], height_ratios=[0.16, *[layers, 0.1] * len(kinds)]
    )
    for number, kind in enumerate(kinds):
        row = 1 + 2 * number
        heat = figure.add_subplot(grid[row, 0])
        bar = figure.add_subplot(grid[row + 1, 0])
        draw_map(heat, bar, view, kind, view.means[kind], MAP_WIDTH)
        heat.set_title(f"{TITLES[kind]}: layers × {view.what}", fontsize=9)
        if number == 0:
            draw_strip(figure.add_subplot(grid[0, 0], sharex=heat), view)
        gates, contributed = figure.add_subplot(grid[row : row + 2, 1]), figure.add_subplot(grid[row : row + 2, 2])
        if labelled:
            draw_labelled(gates, view, kind, SIDE_WIDTH)
        else:
            draw_gate_groups(gates, view, kind)
        contribution = view.contributions[kind]
        if contribution is None:
            explain_empty(contributed, "part of the FFN update" if kind in ("gamma", "beta") else NO_CONTRIBUTION)
        else:
            draw_groups(contributed, contribution, view.members())
            contributed.set_ylim(bottom=0)
        contributed.set_ylabel(CONTRIBUTION, fontsize=8)


def _draw_parts(figure: SubFigure, view: GateView, topk: int, history: Sequence[Row] | None) -> None:
    """Draw the MHA gate: highest and lowest samples, by has_audio and domain, by sound level, over training."""
    grid = figure.add_gridspec(1, 4, width_ratios=[3.4, 3, 3, 3])
    _draw_ranks(figure, grid[0], view, topk)
    panels = [figure.add_subplot(grid[column]) for column in range(1, 4)]
    draw_kind_parts(panels[0], view, "mha", list_parts(view))
    panels[0].set_title("MHA gate by part", fontsize=9)
    draw_against(panels[1], view, "mha", "level_db", SIDE_WIDTH)
    panels[1].set_ylabel("MHA gate")
    epochs, found = read_gate_history(history or [])
    draw_training_panel(panels[2], epochs, found, "mha", NO_HISTORY if history is None else NO_GATES)
    panels[2].set_title("MHA gate over training", fontsize=9)
    panels[2].set_xlabel("epoch")


def _draw_ranks(figure: SubFigure, place: SubplotSpec, view: GateView, topk: int) -> None:
    parts = split_ranks(rank_samples(view, "mha"), topk)
    cells = GridSpecFromSubplotSpec(len(parts), 1, place)
    for row, (name, found) in enumerate(parts):
        axes = figure.add_subplot(cells[row])
        axes.set_title(f"MHA gate: {name}", fontsize=9)
        if not found:
            explain_empty(axes, "no sample has audio")
            continue
        draw_bars(axes, view, "mha", found, 22)
        axes.set_xlim(*choose_bar_limits(view, "mha"))
        axes.tick_params(axis="x", labelbottom=row == len(parts) - 1)
    axes.set_xlabel("mean of the layers", fontsize=8)
