"""The verb `explore`: a page for browsing all queries of a study."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli import Command, UserError
from eval.markup import count
from formats.rows import read_rows

TRANSCODE = "`python -m feature_extractors previews --transcode` makes copies that they play."
"""What to do about videos that browsers do not play."""
_log = logging.getLogger(__name__)


def explore(arguments: argparse.Namespace) -> None:
    """Write a page for browsing queries: OUT_DIR/index.html, which opens from disk, without a server.

    It shows labelled and predicted moments, highlight scores, sound and gates of every query on the time axis of its
    video, for one run or two side by side, and a page about the whole study. The names of the runs' files are patterns
    with {run}, {scope} and {seed}; files other than predictions may be missing. Videos and pictures are linked by
    relative paths and need a folder of `feature_extractors previews`.
    """
    from eval.explorer.answers import Patterns, check_answers, read_answers
    from eval.explorer.query_data import describe_media, describe_query
    from eval.explorer.site import write_site
    from eval.explorer.study_data import describe_table
    from eval.explorer.study_page import describe_domains, describe_figures, describe_runs, describe_training
    from formats.annotations import index_truth
    from formats.strip import read_previews

    page: Path = arguments.out_dir
    if arguments.videos and not arguments.previews:
        raise UserError("--videos: needs --previews, the folder that `python -m feature_extractors previews` makes")
    where = ", ".join(map(str, arguments.queries))
    queries = list(index_truth([row for path in arguments.queries for row in read_rows(path)], where).values())
    patterns = Patterns(
        arguments.predictions,
        arguments.gates,
        arguments.per_query,
        arguments.history,
        arguments.seeds or [""],
        arguments.scopes or ["all"],
    )
    runs = [(name, what) for name, what in arguments.run_name] or [("predictions", "")]
    if len(dict(runs)) < len(runs):
        raise UserError("--run: a name occurs twice")
    answers = read_answers(runs, patterns)
    check_answers(answers, queries, where)
    previews = read_previews(arguments.previews) if arguments.previews else {}
    media = {
        vid: describe_media(preview, arguments.previews, arguments.videos, page) for vid, preview in previews.items()
    }
    study = {
        "dataset": arguments.dataset,
        "split": arguments.split,
        "warning": arguments.warning,
        "hint": TRANSCODE,
        **describe_table(queries, answers, where),
        "runs": describe_runs(arguments.summary) if arguments.summary else None,
        "domains": describe_domains(arguments.domains) if arguments.domains else None,
        "training": describe_training(runs, patterns),
        "figures": describe_figures(arguments.figure, page),
    }
    levels = _Levels(arguments.stores)

    def describe() -> Iterator[dict[str, Any]]:
        for row in queries:
            vid = str(row.get("vid") or "")
            yield describe_query(row, answers, media.get(vid), levels.of(vid), where)

    size = write_site(page, study, describe())
    about = f"{count(len(queries), 'query', 'queries')}, {count(len(answers), 'answer', 'answers')}"
    _log.info("wrote %s: %s, %.1f MB", page / "index.html", about, size / 1e6)


class _Levels:
    """Sound levels from the stores of audio features."""

    def __init__(self, paths: list[Path]) -> None:
        self._stores: list[Any] = []
        if paths:
            from formats.store import Store

            self._stores = [Store(path) for path in paths]

    def of(self, vid: str) -> Any:
        """Level of each clip in dB, (clips,); None if no store knows it."""
        import numpy as np

        for store in self._stores:
            if vid in store:
                levels = store.level_db(vid, store.n_clips(vid)).astype(np.float64)
                if np.isfinite(levels).any():
                    return levels
        return None


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    verb = command.verb("explore", explore)
    verb.add_argument("--queries", type=Path, nargs="+", required=True, metavar="Q.jsonl", help="query rows (JSONL)")
    verb.add_argument(
        "--predictions", required=True, metavar="PATTERN", help="files of `infer`, such as runs/{run}/{seed}/p.jsonl"
    )
    verb.add_argument(
        "--run",
        dest="run_name",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "WHAT"),
        help="a run, and a few words on what it is; repeat it for each run",
    )
    verb.add_argument("--seeds", nargs="*", default=[], metavar="N", help="values of {seed}")
    verb.add_argument("--scopes", nargs="*", default=[], metavar="NAME", help="values of {scope} (default: all)")
    verb.add_argument("--gates", default="", metavar="PATTERN", help="gate logs (JSONL) of `infer`")
    verb.add_argument("--per-query", default="", metavar="PATTERN", help="files of `score --per-query`")
    verb.add_argument("--history", default="", metavar="PATTERN", help="histories of the trainings")
    verb.add_argument("--previews", type=Path, metavar="DIR", help="folder of `feature_extractors previews`")
    verb.add_argument(
        "--videos", type=Path, metavar="DIR", help="folder of the media files, to play them; needs --previews"
    )
    verb.add_argument(
        "--stores", type=Path, nargs="*", default=[], metavar="S.h5", help="stores of audio, for the level of the sound"
    )
    verb.add_argument("--summary", type=Path, nargs="?", metavar="S.json", help="table of runs, of `summarise`")
    verb.add_argument("--domains", type=Path, nargs="?", metavar="T.json", help="table of domains, of `tvsum-table`")
    verb.add_argument(
        "--figure",
        nargs=2,
        action="append",
        default=[],
        metavar=("FILE", "CAPTION"),
        help="a picture for the page of the study; may be repeated",
    )
    verb.add_argument("--dataset", default="", metavar="NAME", help="its name, for the title")
    verb.add_argument("--split", default="", metavar="NAME", help="the split of the queries")
    verb.add_argument("--warning", default="", metavar="TEXT", help="warning to show with the answers")
    verb.add_output_folder("--out-dir", required=True, files=("index.html",), help="folder to write to")
