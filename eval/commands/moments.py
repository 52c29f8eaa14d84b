"""The verbs that show predictions to a reader: a ranked table, a picture per query."""

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
    """List the best moments of every query, as Markdown for reading and as tab-separated values."""
    predictions, queries, names = _read(arguments.predictions, arguments.queries)
    ranked = rank_queries(predictions, queries, arguments.topk, names)
    write_text(arguments.out_markdown, render_markdown(ranked, queries, arguments.pictures, names[1]))
    if arguments.out_tsv:
        write_text(arguments.out_tsv, render_tsv(ranked))
    missing = sum(not found for found in ranked.values())
    if missing:
        _log.warning("note: %d of %d queries have no prediction", missing, len(ranked))


def plot_moments(arguments: argparse.Namespace) -> None:
    """Draw for every query its highlight curve over the video with the best moments below: OUT_DIR/{qid}.png."""
    from eval.plots.moments import plot_every_query

    predictions, queries, names = _read(arguments.predictions, arguments.queries)
    inputs = [*arguments.predictions, *arguments.queries]
    plot_every_query(predictions, queries, arguments.out_dir, arguments.topk, names, inputs)


def _read(predictions: Sequence[Path], queries: Sequence[Path]) -> tuple[list[Row], list[Row], tuple[str, str]]:
    """Rows of all prediction files, rows of all queries, and what stands for them in messages."""
    names = ", ".join(map(str, predictions)), ", ".join(map(str, queries))
    rows, asked = ([row for path in paths for row in read_rows(path)] for paths in (predictions, queries))
    return rows, asked, names


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    for name, show in (("rank", rank), ("plot-moments", plot_moments)):
        verb = command.verb(name, show)
        verb.add_argument("--predictions", type=Path, nargs="+", required=True, metavar="P.jsonl", help="of `infer`")
        verb.add_argument("--queries", type=Path, nargs="+", required=True, metavar="Q.jsonl", help="rows of queries")
        verb.add_argument("--topk", type=whole_number(1), default=10, metavar="K", help="moments shown (default: 10)")
        if show is rank:
            verb.add_output("--out-markdown", required=True, help="table to write")
            verb.add_output("--out-tsv", help="the same as tab-separated values")
            verb.add_argument("--pictures", metavar="DIR", help="folder of `plot-moments`, as the table is to link it")
        else:
            verb.add_argument("--out-dir", type=Path, required=True, help="folder to write to")
