"""Figures of the retrieved moments of a run: precision against recall, reliability of scores, lengths of windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cli.outputs import check_outputs
from eval.markup import count
from eval.plots import RETRIEVAL_FIGURES
from eval.plots.style import COLOURS, INK, PRINT_DPI, QUIET, explain_empty, fit_text, house_style, save_figure
from eval.qvhighlights.queries import Queries
from eval.retrieval.matches import Matches, match_moments
from eval.retrieval.precision_recall import trace_precision_recall
from eval.retrieval.reliability import BINS, THRESHOLD, Reliability, are_probabilities, measure_reliability
from eval.retrieval.window_lengths import BORDERS_S, CLASSES, count_window_lengths


def plot_retrieval_figures(
    answers: Sequence[Queries],
    folder: Path,
    title: str = "",
    where: str = "predictions",
    inputs: Sequence[Path] = (),
) -> list[Path]:
    """Write {name}.png (300 dpi) and {name}.svg for every name in `RETRIEVAL_FIGURES`; returns the paths.

    `answers`: those of one run, perhaps of several seeds or domains, which count together. `where` names their files
    in messages. `inputs`: files that no figure may overwrite.

    Raises:
        UserError: no query has both predicted and relevant windows, or a figure cannot be written.
    """
    matches = match_moments(answers, where)
    paths = {name: [folder / f"{name}.{suffix}" for suffix in ("png", "svg")] for name in RETRIEVAL_FIGURES}
    written = [path for pair in paths.values() for path in pair]
    check_outputs(written, inputs)
    source = count(len(matches.relevant), "query", "queries")
    source += f" in {len(answers)} files" if len(answers) > 1 else ""
    heading = " · ".join(filter(None, (fit_text(title, 60), source)))
    drawn = (draw_precision_recall, draw_reliability, draw_window_lengths)
    with house_style():
        for name, draw in zip(RETRIEVAL_FIGURES, drawn, strict=True):
            figure = draw(matches)
            lines = [heading, *filter(None, [figure.get_suptitle()])]
            figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=7, color=INK, linespacing=1.4)
            save_figure(figure, paths[name], PRINT_DPI)
    return written


def draw_precision_recall(matches: Matches) -> Figure:
    """One panel: both curves at each IoU."""
    figure = Figure(figsize=(4.6, 3.9), layout="constrained")
    axes = figure.add_subplot()
    for place, curves in enumerate(trace_precision_recall(matches)):
        # Curves at a higher IoU are thinner, so that one shows on another where they are equal.
        for curve, style, what, width in (
            (curves.per_query, "-", "mean over queries, mAP", 2.6 - 1.4 * place),
            (curves.pooled, "--", "all in one ranking, AP", 1.4 - 0.7 * place),
        ):
            # Each value holds up to its recall; beyond the last one, precision is 0.
            recall = [0.0, *curve.recall, *curve.recall[-1:]]
            precision = [*curve.precision[:1], *curve.precision, 0.0]
            axes.plot(
                recall, precision, style, drawstyle="steps-pre",
                color=COLOURS[place], linewidth=width,
                label=f"IoU {curves.threshold:g}: {what} {100 * curve.area:.2f}",
            )  # fmt: skip
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.set_aspect("equal")
    axes.grid(True)
    figure.legend(loc="outside lower center", fontsize=7)
    figure.suptitle("The area under a curve is its average precision, in percent.")
    return figure


def draw_reliability(matches: Matches) -> Figure:
    """Two panels, each with a histogram below: all windows, and the best one of each query."""
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[3, 1])
    figure.suptitle(
        f"Right: IoU of at least {THRESHOLD:g} with a moment that no better window has taken."
        " Bars at the dots: 95 % intervals (Wilson).\n"
        "ECE: expected calibration error, the mean distance of score and share over the windows, 0 to 1."
    )
    for across, (best, what) in enumerate(((False, "all windows"), (True, "the best window of each query"))):
        axes = figure.add_subplot(grid[0, across])
        below = figure.add_subplot(grid[1, across], sharex=axes)
        axes.set_title(what, fontsize=9)
        if not matches.listed.any():
            why = "no windows were predicted"
        elif not are_probabilities(matches):
            why = "scores are not between 0 and 1"
        else:
            found = measure_reliability(matches, best)
            _draw_reliability(axes, below, found)
            axes.set_title(f"{what}, ECE {found.error:.3f}", fontsize=9)
            axes.set_ylabel("" if across else "share that is right")
            below.set_ylabel("" if across else "windows")
            continue
        for one in (axes, below):
            explain_empty(one, why)
    return figure


def _draw_reliability(axes: Axes, below: Axes, found: Reliability) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=0.9)
    known = found.counts > 0
    axes.vlines(found.scores[known], *found.interval[known].T, color=COLOURS[0], linewidth=1.0)
    axes.plot(found.scores[known], found.right[known], color=COLOURS[0], linewidth=1.0, alpha=0.4)
    axes.plot(found.scores[known], found.right[known], "o", color=COLOURS[0], markersize=4)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.grid(True)
    axes.tick_params(labelbottom=False)
    edges = np.linspace(0, 1, BINS + 1)
    below.bar(edges[:-1], found.counts, 1 / BINS, align="edge", color=COLOURS[0], edgecolor="white", linewidth=0.6)
    below.set_xlabel("predicted score")
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    below.grid(True, axis="y")
    below.set_axisbelow(True)


def draw_window_lengths(matches: Matches) -> Figure:
    """One panel: a table of counts, coloured by their share of the row."""
    table = count_window_lengths(matches)
    figure = Figure(figsize=(4.8, 3.9), layout="constrained")
    axes = figure.add_subplot()
    totals = table.sum(1, keepdims=True)
    share = np.divide(table, totals, out=np.zeros(table.shape), where=totals > 0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), number in np.ndenumerate(table):
        if (row, column) == (len(CLASSES), len(CLASSES)):
            continue
        text = f"{number}\n{100 * share[row, column]:.0f} %" if totals[row, 0] else "–"
        colour = "white" if share[row, column] > 0.55 else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    low, high = BORDERS_S
    names = [f"short\n≤ {low:g} s", f"middle\n≤ {high:g} s", f"long\n> {high:g} s"]
    axes.set_xticks(range(4), [*names, "missed"])
    axes.set_yticks(range(4), [*names, "none"])
    axes.set(xlabel="length of the predicted window", ylabel="length of the labelled moment")
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    figure.suptitle(
        "Of each query as many windows as it has moments, best first. Each takes the free\n"
        "moment that it overlaps best. Missed: moments that none takes. None: windows that\n"
        "take none. Percent of the row."
    )
    return figure
