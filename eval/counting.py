"""The verbs of `python -m eval` that sum up: annotations, gate logs, metrics of runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command, whole_number
from cli.files import first_with_rows, read_object, read_rows, write_object, write_text

# What a verb needs beyond this (NumPy, SciPy) is imported within it, so that help and errors come at once.
_whole = whole_number(0)
TRUTH = "ground truth, QVHighlights rows (JSONL)"


def describe(arguments: argparse.Namespace) -> None:
    """Count an annotation file: queries, windows, lengths, points; or TVSum's videos, clips, domains."""
    from eval.describe import describe_queries, describe_videos

    name = str(arguments.ground_truth)
    rows = read_rows(arguments.ground_truth)
    if any(row.get("label") is not None for row in rows):
        write_object(arguments.out, describe_videos(rows, name))
    else:
        write_object(arguments.out, describe_queries(rows, arguments.by, name))


def summarise(arguments: argparse.Namespace) -> None:
    """Put metrics of runs, seeds and domains into one table (JSON, Markdown, LaTeX, CSV).

    Reads files that `score` or `tvsum --run NAME [--scope NAME] [--seed N]` wrote; mean ± standard deviation over the
    seeds. --per-query adds intervals over queries, --against tests every run against one. A run that was scored with
    --epoch best and --epoch last has a row each; TVSum has columns for both.
    """
    from eval.summarise import summarise
    from eval.tables import render_csv, render_latex, render_markdown

    metrics, values = (
        [(str(path), read_object(path)) for path in paths] for paths in (arguments.metrics, arguments.per_query)
    )
    summary = summarise(metrics, values, arguments.against, arguments.seed)
    write_object(arguments.out_json, summary)
    for path, render in (
        (arguments.out_markdown, render_markdown),
        (arguments.out_latex, render_latex),
        (arguments.out_csv, render_csv),
    ):
        if path:
            write_text(path, render(summary))


def gates(arguments: argparse.Namespace) -> None:
    """Count a gate log into statistics: per kind of gate, layer and group.

    Groups are all samples, has_audio, and the values of the --by keys of the ground truth or the log.
    """
    from eval.gate_statistics import compute_statistics
    from eval.gates import read_gate_log

    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    log = read_gate_log(arguments.log[first_with_rows(arguments.log)])
    write_object(arguments.out, compute_statistics(log, arguments.by, truth))


def add_verbs(command: Command) -> None:
    """Add the verbs and their arguments."""
    verb = command.verb("describe", describe)
    verb.add_argument("--ground-truth", type=Path, required=True, help="QVHighlights or TVSum rows (JSONL)")
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="also count the values of these keys")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")

    verb = command.verb("summarise", summarise)
    verb.add_argument("--metrics", type=Path, nargs="+", required=True, metavar="M.json", help="files of `score`")
    verb.add_argument("--per-query", type=Path, nargs="+", default=[], metavar="Q.json", help="of `score --per-query`")
    verb.add_argument("--against", metavar="RUN", help="test every other run against this one")
    verb.add_argument("--seed", type=_whole, default=0, metavar="N", help="of intervals and tests (default: 0)")
    verb.add_output("--out-json", required=True, help="summary (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write")
    verb.add_output("--out-latex", help="table (LaTeX, booktabs) to write")
    verb.add_output("--out-csv", help="table (CSV, a line each run, scope and metric) to write")

    verb = command.verb("gates", gates)
    verb.add_argument(
        "--log",
        type=Path,
        nargs="+",
        required=True,
        help="gate log (JSONL), ours or the original tool's; of several the first with rows",
    )
    verb.add_argument("--ground-truth", type=Path, help=TRUTH)
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="group by these keys: audio_informative")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")
