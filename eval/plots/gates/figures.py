"""The figures of a gate log for a paper, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from cli.outputs import check_outputs
from eval.plots import GATE_FIGURES
from eval.plots.gates.heatmaps import draw_samples_layermean, draw_sections
from eval.plots.gates.informativeness import draw_informativeness
from eval.plots.gates.layers import draw_contribution, draw_layerwise_means
from eval.plots.gates.over_time import draw_time
from eval.plots.gates.over_training import draw_training
from eval.plots.gates.parts import draw_parts
from eval.plots.gates.ranks import TOPK, draw_top_bottom
from eval.plots.gates.view import GateView, arrange
from eval.plots.style import INK, PRINT_DPI, fit_text, house_style, save_figure
from formats.gate_log import GateLog
from formats.rows import Row


def plot_gate_figures(
    log: GateLog,
    folder: Path,
    title: str = "",
    ground_truth: Sequence[Row] = (),
    topk: int = TOPK,
    history: Sequence[Row] | None = None,
    inputs: Sequence[Path] = (),
) -> list[Path]:
    """Write {name}.png (300 dpi) and {name}.svg for every name in `GATE_FIGURES`; returns the paths.

    `topk`: number of bars at each end of gate_top_bottom. `history`: the rows of history.jsonl, for gate_training.
    `inputs`: files that no figure may overwrite.

    Raises:
        UserError: a figure cannot be written.
    """
    paths = {name: [folder / f"{name}.{suffix}" for suffix in ("png", "svg")] for name in GATE_FIGURES}
    written = [path for pair in paths.values() for path in pair]
    check_outputs(written, inputs)
    with house_style():
        for name, figure in draw_figures(arrange(log, ground_truth), title, topk, history):
            save_figure(figure, paths[name], PRINT_DPI)
    return written


def draw_figures(view: GateView, title: str, topk: int, history: Sequence[Row] | None) -> Iterator[tuple[str, Figure]]:
    """Yield each figure and its name; the heading states the source and explains the marks."""
    drawn: tuple[Callable[[], Figure], ...] = (
        lambda: draw_sections(view),
        lambda: draw_top_bottom(view, topk),
        lambda: draw_layerwise_means(view),
        lambda: draw_samples_layermean(view),
        lambda: draw_time(view),
        lambda: draw_contribution(view),
        lambda: draw_informativeness(view),
        lambda: draw_parts(view),
        lambda: draw_training(history),
    )
    for name, draw in zip(GATE_FIGURES, drawn, strict=True):
        figure = draw()
        lines = [" · ".join([*([fit_text(title, 60)] if title else []), view.source()]), figure.get_suptitle()]
        figure.suptitle("\n".join(filter(None, lines)), x=0.01, ha="left", fontsize=7, color=INK, linespacing=1.4)
        yield name, figure
