"""Options that select moments, shared by all verbs that take them to other programs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli import UserError, Verb, whole_number
from eval.exchange.cuts import Cut
from eval.exchange.selection import Selection, select_labelled, select_predicted
from formats.annotations import Qid
from formats.media.footage import Footage
from formats.rows import Row, read_rows


@dataclass(frozen=True)
class Asked:
    """What a command line selects from.

    Attributes:
        queries: rows of the queries, those of --qid alone if it is given.
        predictions: rows of the predictions about them; None to take the labels.
        selection: the options.
        names: of the files of predictions and queries, for messages.
    """

    queries: list[Row]
    predictions: list[Row] | None
    selection: Selection
    names: tuple[str, str]

    def select(self, footage: Mapping[str, Footage]) -> dict[Qid, list[Cut]]:
        """Select the moments of each query."""
        if self.predictions is None:
            return select_labelled(self.queries, footage, self.selection, self.names[1])
        return select_predicted(self.predictions, self.queries, footage, self.selection, self.names)


def read_asked(arguments: argparse.Namespace) -> Asked:
    """Read the files and options of `add_selection`.

    Raises:
        UserError: a file is malformed, or --qid names no query.
    """
    names = ", ".join(map(str, arguments.predictions)), ", ".join(map(str, arguments.queries))
    queries = [row for path in arguments.queries for row in read_rows(path)]
    predictions = [row for path in arguments.predictions for row in read_rows(path)]
    for qid in arguments.qid:
        if qid not in {str(row.get("qid")) for row in queries}:
            raise UserError(f"--qid {qid}: no such query in {names[1]}")
    if arguments.qid:
        queries, predictions = (
            [row for row in rows if str(row.get("qid")) in arguments.qid] for rows in (queries, predictions)
        )
    selection = Selection(
        threshold=arguments.threshold,
        # Labelled moments have no order of merit.
        topk=arguments.topk if arguments.predictions else None,
        padding=arguments.padding,
        merge_gap=None if arguments.keep_overlapping else arguments.merge_gap,
        min_length=arguments.min_length,
    )
    return Asked(queries, predictions if arguments.predictions else None, selection, names)


def add_selection(verb: Verb) -> None:
    """Add the files and options that `read_asked` reads."""
    verb.add_argument("--queries", type=Path, nargs="+", required=True, metavar="Q.jsonl", help="query rows (JSONL)")
    verb.add_argument("--predictions", type=Path, nargs="+", default=[], metavar="P.jsonl", help="files of `infer`")
    verb.add_argument("--qid", action="append", default=[], help="take this query only; may be given several times")
    verb.add_argument("--topk", type=whole_number(1), default=10, metavar="K", help="moments per query (default: 10)")
    verb.add_argument("--threshold", type=number(), metavar="SCORE", help="lowest score (default: all)")
    verb.add_argument(
        "--padding", type=number(0), default=0.0, metavar="S", help="seconds to add at both ends of a moment"
    )
    overlaps = verb.add_mutually_exclusive_group()
    overlaps.add_argument(
        "--merge-gap",
        type=number(0),
        default=0.0,
        metavar="S",
        help="merge moments of a query that are at most this many seconds apart (default: 0, those that overlap)",
    )
    overlaps.add_argument("--keep-overlapping", action="store_true", help="merge none")
    verb.add_argument(
        "--min-length", type=number(0), default=0.0, metavar="S", help="leave shorter moments out, after merging"
    )


def number(least: float = -math.inf) -> Callable[[str], float]:
    """The `type` of an argument that is a finite number from `least`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < math.inf:
            bound = "" if least == -math.inf else f" from {least:g}"
            raise argparse.ArgumentTypeError(f"must be a number{bound}, got {text[:40]!r}")
        return value

    return read
