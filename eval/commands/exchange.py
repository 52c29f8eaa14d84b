"""The verb `export`: moments for editing, labelling and playing programs."""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Callable
from pathlib import Path

from cli import Command, UserError, whole_number
from cli.outputs import check_outputs, write_text
from eval.exchange.export import FORMATS, PER, footage_of_rows, render_files
from eval.exchange.selection import Selection, select_labelled, select_predicted
from eval.markup import count
from formats.media.footage import read_footage
from formats.rows import read_rows

_log = logging.getLogger(__name__)
TITLE = "moments"


def export(arguments: argparse.Namespace) -> None:
    """Export moments for editing programs, labelling programs and players: predicted ones, or labelled ones.

    With --predictions the moments are those of a prediction file, without it the relevant_windows of --queries.
    Formats that count frames, or that name media files, need --footage: the table that `python -m feature_extractors
    footage` makes of the videos. docs/guide/exchange.md says which program opens which format.

    Example:
      python -m feature_extractors footage --videos videos --out footage.jsonl
      python -m eval export --format fcpxml --predictions P.jsonl --queries Q.jsonl --footage footage.jsonl \\
        --videos videos --topk 3 --padding 1 --out exports
    """
    form = FORMATS[arguments.format]
    queries = [row for path in arguments.queries for row in read_rows(path)]
    names = ", ".join(map(str, arguments.predictions)), ", ".join(map(str, arguments.queries))
    if arguments.qid:
        known = {str(row.get("qid")) for row in queries}
        for qid in arguments.qid:
            if qid not in known:
                raise UserError(f"--qid {qid}: no such query in {names[1]}")
    if form.needs_footage and arguments.footage is None:
        raise UserError(
            f"--footage: required for --format {arguments.format}: make it with `python -m feature_extractors footage"
            " --videos DIR --out FILE`"
        )
    footage = footage_of_rows(queries) if arguments.footage is None else read_footage(arguments.footage)
    # Labelled moments have no order of merit.
    topk = arguments.topk if arguments.predictions else None
    selection = Selection(
        threshold=arguments.threshold,
        topk=topk,
        padding=arguments.padding,
        merge_gap=None if arguments.keep_overlapping else arguments.merge_gap,
        min_length=arguments.min_length,
    )
    if arguments.qid:
        queries = [row for row in queries if str(row.get("qid")) in arguments.qid]
    if arguments.predictions:
        predictions = [row for path in arguments.predictions for row in read_rows(path)]
        if arguments.qid:
            predictions = [row for row in predictions if str(row.get("qid")) in arguments.qid]
        selected = select_predicted(predictions, queries, footage, selection, names)
    else:
        selected = select_labelled(queries, footage, selection, names[1])
    drop = {"auto": None, "yes": True, "no": False}[arguments.drop_frame]
    files, problems = render_files(arguments.format, selected, arguments.per, TITLE, drop, arguments.videos)
    given = [*arguments.predictions, *arguments.queries, *([arguments.footage] if arguments.footage else [])]
    check_outputs([arguments.out / name for name in files], given)
    for problem in problems:
        _log.warning("left out: %s", problem)
    for name, text in files.items():
        write_text(arguments.out / name, text)
    _log.info("%s: %s of format %s", arguments.out, count(len(files), "file", "files"), arguments.format)


def _number(least: float = -math.inf) -> Callable[[str], float]:
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


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    verb = command.verb("export", export)
    described = ", ".join(f"{name} ({form.about})" for name, form in FORMATS.items())
    verb.add_argument("--format", required=True, choices=list(FORMATS), metavar="FORMAT", help=described)
    verb.add_argument("--queries", type=Path, nargs="+", required=True, metavar="Q.jsonl", help="query rows (JSONL)")
    verb.add_argument("--predictions", type=Path, nargs="+", default=[], metavar="P.jsonl", help="files of `infer`")
    verb.add_argument("--footage", type=Path, metavar="FILE", help="table of `feature_extractors footage`")
    verb.add_argument("--videos", type=Path, metavar="DIR", help="folder of the media files, for links to them")
    verb.add_argument("--qid", action="append", default=[], help="export this query only; may be given several times")
    verb.add_argument("--topk", type=whole_number(1), default=10, metavar="K", help="moments per query (default: 10)")
    verb.add_argument("--threshold", type=_number(), metavar="SCORE", help="lowest score (default: all)")
    verb.add_argument(
        "--padding", type=_number(0), default=0.0, metavar="S", help="seconds to add at both ends of a moment"
    )
    overlaps = verb.add_mutually_exclusive_group()
    overlaps.add_argument(
        "--merge-gap",
        type=_number(0),
        default=0.0,
        metavar="S",
        help="merge moments of a query that are at most this many seconds apart (default: 0, those that overlap)",
    )
    overlaps.add_argument("--keep-overlapping", action="store_true", help="merge none")
    verb.add_argument(
        "--min-length", type=_number(0), default=0.0, metavar="S", help="leave shorter moments out, after merging"
    )
    verb.add_argument(
        "--per", choices=PER, default="video", help="what one file is about (default: video; via, label-studio: all)"
    )
    verb.add_argument(
        "--drop-frame",
        choices=["auto", "yes", "no"],
        default="auto",
        help="time code at 29.97 and 59.94: as in the file, else drop-frame (auto, default), or always so",
    )
    verb.add_output_folder("--out", required=True, metavar="DIR", help="folder to write to")
