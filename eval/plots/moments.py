"""Figure of a query's prediction: the highlight curve over the video, and the best moments below it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cli import track
from cli.outputs import check_outputs
from eval.best_moments import Ranked, picture_names, rank_queries, show_time
from eval.plots.style import COLOURS, INK, QUIET, explain_empty, fit_text, house_style, save_figure
from formats.annotations import index_by_qid
from formats.arrays import Floats
from formats.grid import CLIP_SECONDS
from formats.labels import read_relevant_windows
from formats.predictions import read_predicted_saliency
from formats.rows import Row

RELEVANT = "#ffe9a8"


def plot_every_query(
    predictions: Sequence[Row],
    queries: Sequence[Row],
    folder: Path,
    topk: int = 10,
    names: tuple[str, str] = ("predictions", "queries"),
    inputs: Sequence[Path] = (),
    caption: str = "",
) -> list[Path]:
    """Apply `plot_moments` to each query with its `topk` best moments: {qid}.png in the folder; returns the paths.

    `names` are the names of predictions and queries in messages; `inputs` are files that no picture may overwrite;
    `caption` stands below each figure.

    Raises:
        UserError: rows are malformed, a qid cannot name a picture, or a picture cannot be written.
    """
    ranked = rank_queries(predictions, queries, topk, names)
    predicted = index_by_qid(predictions, names[0])
    files = {qid: folder / f"{name}.png" for qid, name in picture_names(queries, names[1]).items()}
    check_outputs(list(files.values()), inputs)
    with house_style():  # around the loop, so that missing characters are reported once
        for query in track(queries, "pictures"):
            qid = query["qid"]
            plot_moments(query, predicted.get(qid), ranked[qid], [files[qid]], names[0], caption)
    return list(files.values())


def plot_moments(
    query: Row,
    prediction: Row | None,
    ranked: Sequence[Ranked],
    paths: Sequence[Path],
    where: str,
    caption: str = "",
) -> None:
    """Draw a query's prediction and save the figure to each path, .png or .svg.

    Moments are numbered by rank, and darker the higher their score; annotated windows, if any, are shaded. Without a
    prediction, the figure states that. `where` names the predictions in messages; a `caption` stands below the figure.

    Raises:
        UserError: saliency or windows are malformed.
    """
    with house_style():
        moments = [one for one in ranked if one.what == "moment"]
        figure = Figure(figsize=(9, 2.9 + 0.19 * len(moments)), layout="constrained")
        figure.suptitle(fit_text(query["query"], 90), x=0.01, ha="left", fontsize=12, color=INK)
        if prediction is None:
            axes = figure.add_subplot()
            explain_empty(axes, "no prediction: the video was left out (problems.tsv)")
            axes.set_title(fit_text(query["vid"], 90))
        else:
            saliency = read_predicted_saliency(prediction, where)
            rows = [2.2, 0.3 + 0.19 * len(moments)] if moments else [1]
            grid = figure.add_gridspec(len(rows), 1, height_ratios=rows)
            curve = figure.add_subplot(grid[0])
            _draw_curve(curve, saliency, query, ranked)
            if moments:
                below = figure.add_subplot(grid[1], sharex=curve)
                _draw_moments(below, moments)
                curve.tick_params(labelbottom=False)
            _label_time(figure.axes[-1])
        if caption:
            figure.supxlabel(fit_text(caption, 140), x=0.01, ha="left", fontsize=8, color=COLOURS[1])
        save_figure(figure, paths)


def _draw_curve(axes: Axes, saliency: Floats, query: Row, ranked: Sequence[Ranked]) -> None:
    edges = CLIP_SECONDS * np.arange(len(saliency) + 1)
    windows = read_relevant_windows(query, "queries")
    for start, end in windows if windows is not None else ():
        axes.axvspan(start, end, color=RELEVANT, linewidth=0, zorder=0)
    axes.stairs(saliency, edges, color=COLOURS[0], linewidth=1.1, baseline=None)
    if ranked:
        axes.axvspan(ranked[0].start, ranked[0].end, color=COLOURS[1], alpha=0.15, linewidth=0, zorder=0)
    best = int(saliency.argmax())
    axes.plot((best + 0.5) * CLIP_SECONDS, saliency[best], marker="*", markersize=11, color=COLOURS[1], clip_on=False)
    axes.set(title=fit_text(query["vid"], 90), ylabel="highlight score", xlim=(0, edges[-1]))
    axes.grid(True)


def _draw_moments(axes: Axes, moments: Sequence[Ranked]) -> None:
    best = max(one.score for one in moments) or 1.0
    for place, one in enumerate(moments):
        shade = 0.12 + 0.88 * max(one.score, 0.0) / best
        axes.barh(place, one.end - one.start, left=one.start, height=0.7, color=COLOURS[1], alpha=shade)
        label = f"{one.rank}: {one.score:.3f}"
        axes.annotate(label, (one.end, place), (3, 0), textcoords="offset points", va="center", fontsize=7, color=INK)
    axes.set(ylim=(len(moments) - 0.4, -0.6), yticks=[], ylabel="moments")
    axes.grid(True, axis="x")


def _label_time(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 1.5, 2, 3, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show_time(value)))
    axes.set_xlabel("time (star: best clip; shaded: best moment)", color=QUIET)
