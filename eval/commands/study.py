"""The verbs that compare runs, seeds and domains: a table and a figure."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command, whole_number
from cli.outputs import write_text
from formats.rows import read_object, write_object

_whole = whole_number(0)


def summarise(arguments: argparse.Namespace) -> None:
    """Put metrics of runs, seeds and domains into one table (JSON, Markdown, LaTeX, CSV).

    Reads files written by `score` or `tvsum` with --run NAME [--scope NAME] [--seed N], and gives mean ± standard
    deviation over seeds. --per-query adds intervals over queries, --against RUN tests every other run against RUN. A
    run scored with --epoch best and --epoch last gets one row per epoch; TVSum has one column per epoch instead.
    """
    from eval.study.rendering import render_csv, render_latex, render_markdown
    from eval.study.summary import summarise_files

    summary = summarise_files(arguments.metrics, arguments.per_query, arguments.against, arguments.seed)
    write_object(arguments.out_json, summary)
    for path, render in (
        (arguments.out_markdown, render_markdown),
        (arguments.out_latex, render_latex),
        (arguments.out_csv, render_csv),
    ):
        if path:
            write_text(path, render(summary))


def plot_summary(arguments: argparse.Namespace) -> None:
    """Draw runs side by side: one dot per seed, a bar at the mean, chance as a dashed line."""
    from eval.plots.summary import plot_summary

    plot_summary(read_object(arguments.summary), arguments.out)


def plot_differences(arguments: argparse.Namespace) -> None:
    """Draw runs side by side with error bars over seeds, and their paired differences from one run.

    A difference is that of two runs with the same seed; the bar at their mean is Student's 95 % interval.
    """
    from eval.plots.differences import plot_differences

    plot_differences(read_object(arguments.summary), arguments.out, arguments.against, arguments.epoch)


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("summarise", summarise)
    verb.add_argument(
        "--metrics", type=Path, nargs="+", required=True, metavar="M.json", help="files of `score`, `tvsum`"
    )
    verb.add_argument("--per-query", type=Path, nargs="+", default=[], metavar="Q.json", help="files of `score`")
    verb.add_argument("--against", metavar="RUN", help="test every other run against this one")
    verb.add_argument("--seed", type=_whole, default=0, metavar="N", help="seed of intervals and tests (default: 0)")
    verb.add_output("--out-json", required=True, help="summary (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write")
    verb.add_output("--out-latex", help="table (LaTeX, booktabs) to write")
    verb.add_output("--out-csv", help="table (CSV, one line per run, scope and metric) to write")

    verb = command.verb("plot-summary", plot_summary)
    verb.add_argument("--summary", type=Path, required=True, help="summary.json of `summarise`")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")

    verb = command.verb("plot-differences", plot_differences)
    verb.add_argument("--summary", type=Path, required=True, help="summary.json of `summarise`")
    verb.add_argument("--against", metavar="RUN", help="compare every other run with this one (default: the first)")
    verb.add_argument("--epoch", choices=("best", "last"), help="of runs scored at both (default: the first)")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
