"""The verb `find`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from cli import Command, UserError, whole_number
from cli.device import add_device
from eval.exchange.export import FORMATS

_log = logging.getLogger(__name__)


def find(arguments: argparse.Namespace) -> None:
    """Find the moments of videos that fit queries.

    Prints the best moments of each query over all videos, and writes to the folder --out: tables (moments.md,
    moments.tsv, moments.json), a page that plays the videos and shows moments, scores and gates on one time axis
    (explorer/index.html, which opens from disk), highlight curves (curves/*.png), all answers with saliency and gates
    per clip (answers.jsonl), and what was left out (problems.tsv). Without a query, the answers are the highlights of
    each video. The exit status is 1 if nothing could be answered.

    With --export the moments are also written for editing programs and players, such as edl, fcpxml or vtt; the formats
    are those of `python -m eval export`.

    Features are kept in --cache, so that another query about the same file needs no encoding.

    Example:
      python -m av_highlights find holiday.mp4 --query "a siren is heard" --query "a dog runs"
      python -m av_highlights find recordings/ --queries queries.txt --bundle bundles/mine --out found
    """
    from av_highlights.explorer import write_explorer
    from av_highlights.exports import FOLDER, write_exports
    from av_highlights.finder import MomentFinder
    from av_highlights.queries import check_queries
    from av_highlights.report import render_text, write_report
    from av_highlights.search import find_in_all

    queries = None if arguments.query is None else check_queries(arguments.query, "--query")
    where = {"cache": arguments.cache, "device": arguments.device, "threads": arguments.threads}
    finder = MomentFinder.load(arguments.bundle, **where)
    found = find_in_all(finder, arguments.videos, queries, arguments.queries)
    ranking = write_report(arguments.out, found, arguments.top)
    sys.stdout.write(render_text(ranking, found))
    page = write_explorer(arguments.out, found, ranking, finder)
    failures: list[str] = []
    if arguments.export:
        problems, failures = write_exports(arguments.out, ranking, arguments.export)
        for problem in problems:
            _log.warning("left out: %s", problem)
        if len(failures) < len(set(arguments.export)):
            _log.info("%s: for other programs", arguments.out / FOLDER)
    _log.info("%s: tables, curves and all answers; begin with %s", arguments.out, page.relative_to(arguments.out))
    if failures:
        raise UserError("; ".join(failures))


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("find", find)
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="video, or folder of videos")
    parser.add_argument("--query", action="append", metavar="TEXT", help="what to look for; may be given several times")
    parser.add_argument(
        "--queries", type=Path, metavar="FILE", help="text file: one query per line, or video<TAB>query for one video"
    )
    parser.add_argument(
        "--bundle",
        metavar="DIR|published:NAME",
        help="the network and its encoders (default: published:qd-detr-clip, once fetched by the verb `fetch`)",
    )
    parser.add_output_folder(
        "--out", default=Path("found"), metavar="DIR", help="folder for the results (default: found)"
    )
    parser.add_output_folder("--cache", metavar="DIR", help="folder for features (default: the user's cache)")
    parser.add_argument("--top", type=whole_number(1), default=10, metavar="K", help="moments per query (default: 10)")
    parser.add_argument(
        "--export",
        action="append",
        choices=list(FORMATS),
        metavar="FORMAT",
        help="also write the moments for another program, to OUT/exports/FORMAT; may be given several times: "
        + ", ".join(FORMATS),
    )
    add_device(parser, threads=None)
