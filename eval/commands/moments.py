"""The verbs that show predictions: a ranked table, one picture per query, and all that is known of one query."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from cli import Command, UserError, whole_number
from cli.outputs import write_text
from eval.best_moments import rank_queries, render_markdown, render_tsv
from formats.predictions import MOST_WINDOWS
from formats.rows import Row, iterate_rows, read_rows

_log = logging.getLogger(__name__)


def rank(arguments: argparse.Namespace) -> None:
    """List the best moments of every query, as Markdown and as tab-separated values."""
    predictions, queries, names = _read(arguments.predictions, arguments.queries)
    ranked = rank_queries(predictions, queries, arguments.topk, names)
    write_text(
        arguments.out_markdown, render_markdown(ranked, queries, arguments.pictures, names[1], arguments.warning)
    )
    if arguments.out_tsv:
        write_text(arguments.out_tsv, render_tsv(ranked, arguments.warning))
    missing = sum(not found for found in ranked.values())
    if missing:
        _log.warning("note: %d of %d queries have no prediction", missing, len(ranked))


def plot_moments(arguments: argparse.Namespace) -> None:
    """Draw the highlight curve of every query over its video, with the best moments below: OUT_DIR/{qid}.png."""
    from eval.plots.moments import plot_every_query

    predictions, queries, names = _read(arguments.predictions, arguments.queries)
    inputs = [*arguments.predictions, *arguments.queries]
    plot_every_query(predictions, queries, arguments.out_dir, arguments.topk, names, inputs, arguments.warning)


def plot_example(arguments: argparse.Namespace) -> None:
    """Draw one query on one time axis: frames, sound, gates, highlight scores, labelled and predicted moments.

    Frames and sound come from a file of `feature_extractors strip`, gates from the gate log; either may be left out.
    """
    from eval.gates.joined_logs import read_gate_logs
    from eval.gates.origin import warn_of_other_network
    from eval.plots.example import Example, plot_example
    from eval.plots.gates.view import arrange
    from formats.strip import read_strip

    # Files without rows are those of a domain that could not be read.
    predictions = [row for path in arguments.predictions for _, row in iterate_rows(path)]
    logs = [path for path in arguments.log if next(iterate_rows(path), None)]
    _, queries, names = _read([], arguments.queries)
    names = ", ".join(map(str, arguments.predictions)), names[1]
    query = next((row for row in queries if str(row.get("qid")) == arguments.qid), None)
    if query is None:
        raise UserError(f"--qid {arguments.qid}: no such query in {names[1]}")
    mine = [row for row in predictions if row.get("qid") == query["qid"]]
    strip = read_strip(arguments.strip) if arguments.strip else None
    if strip is not None and strip.vid != query.get("vid"):
        raise UserError(
            f"{arguments.strip}: shows {strip.vid!r}, but query {arguments.qid} is about {query.get('vid')!r}"
        )
    example = Example(
        query=query,
        prediction=mine[0] if mine else None,
        ranked=rank_queries(mine, [query], MOST_WINDOWS, names)[query["qid"]],
        view=arrange(read_gate_logs(logs), queries) if logs else None,
        strip=strip,
        about=arguments.about,
        where=names[0],
    )
    if mine and example.sample:
        names = ", ".join(map(str, logs)), names[0]
        warn_of_other_network([example.sample], {query["qid"]: mine[0]}, names)
    plot_example(example, arguments.out)


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
        verb.add_argument("--warning", default="", metavar="TEXT", help="warning to show with the answers")
        if show is rank:
            verb.add_output("--out-markdown", required=True, help="table (Markdown) to write")
            verb.add_output("--out-tsv", help="table (tab-separated values) to write as well")
            verb.add_argument("--pictures", metavar="DIR", help="folder of `plot-moments` to link from the table")
        else:
            verb.add_output_folder("--out-dir", required=True, help="folder to write to")

    verb = command.verb("plot-example", plot_example)
    verb.add_argument("--predictions", type=Path, nargs="+", required=True, metavar="P.jsonl", help="files of `infer`")
    verb.add_argument("--queries", type=Path, nargs="+", required=True, metavar="Q.jsonl", help="query rows (JSONL)")
    verb.add_argument("--qid", required=True, help="the query to draw")
    verb.add_argument(
        "--log", type=Path, nargs="*", default=[], help="gate log (JSONL) of `infer`; several are one log"
    )
    verb.add_argument("--strip", type=Path, nargs="?", metavar="S.npz", help="its video, of `feature_extractors strip`")
    verb.add_argument("--about", default="", metavar="TEXT", help="a line below the query, such as the run's name")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
