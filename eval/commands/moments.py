"""The verbs that show predictions: a ranked table, and one picture per query."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from cli import Command, whole_number
from cli.outputs import write_text
from eval.best_moments import rank_queries, render_markdown, render_tsv
from formats.rows import Row, read_rows

_log = logging.getLogger(__name__)


def rank(arguments: argparse.Namespace) -> None:
    """List the best moments of every query, as Markdown and as tab-separated values."""
    predictions, queries, names = _read(arguments.predictions, arguments.queries)
    ranked = rank_queries(predictions, queries, arguments.topk, names)
    write_text(
        arguments.out_markdown, render_markdown(ranked, queries, arguments.pictures, names[1], arguments.warning)
    )
    if arguments.out_tsv:
        write_text(arguments.out_tsv, render_tsv(ranked))
    missing = sum(not found for found in ranked.values())
    if missing:
        _log.warning("note: %d of %d queries have no prediction", missing, len(ranked))


def plot_moments(arguments: argparse.Namespace) -> None:
    """Draw the highlight curve of every query over its video, with the best moments below: OUT_DIR/{qid}.png."""
    from eval.plots.moments import plot_every_query

    predictions, queries, names = _read(arguments.predictions, arguments.queries)
    inputs = [*arguments.predictions, *arguments.queries]
    plot_every_query(predictions, queries, arguments.out_dir, arguments.topk, names, inputs)


def _read(predictions: Sequence[Path], queries: Sequence[Path]) -> tuple[list[Row], list[Row], tuple[str, str]]:
    """Rows of all prediction files, rows of all query files, and the names of both in messages."""
    names = ", ".join(map(str, predictions)), ", ".join(map(str, queries))
    rows, asked = ([row for path in paths for row in read_rows(path)] for paths in (predictions, queries))
    return rows, asked, names


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    for name, show in (("rank", rank), ("plot-moments", plot_moments)):
        verb = command.verb(name, show)
        verb.add_argument(
            "--predictions", type=Path, nargs="+", required=True, metavar="P.jsonl", help="files of `infer`"
        )
        verb.add_argument(
            "--queries", type=Path, nargs="+", required=True, metavar="Q.jsonl", help="query rows (JSONL)"
        )
        verb.add_argument("--topk", type=whole_number(1), default=10, metavar="K", help="moments to show (default: 10)")
        if show is rank:
            verb.add_output("--out-markdown", required=True, help="table (Markdown) to write")
            verb.add_output("--out-tsv", help="table (tab-separated values) to write as well")
            verb.add_argument(
                "--warning", default="", metavar="TEXT", help="warning to show above the table (Markdown)"
            )
            verb.add_argument("--pictures", metavar="DIR", help="folder of `plot-moments` to link from the table")
        else:
            verb.add_output_folder("--out-dir", required=True, help="folder to write to")
