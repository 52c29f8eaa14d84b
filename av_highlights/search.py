"""Queries about many videos: every video that can be read is answered, the others are named."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from av_highlights.answers import Answer
from av_highlights.finder import MomentFinder
from av_highlights.queries import assign_queries, check_queries
from av_highlights.videos import gather_videos, show_path
from cli import UserError
from feature_extractors.problems import Problem

LEFT_OUT = "left out: "
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Search:
    """The answers about all videos, video by video, and what was wrong with files and lines of queries."""

    answers: tuple[Answer, ...]
    problems: tuple[Problem, ...]


def find_in_all(
    finder: MomentFinder,
    given: str | Path | Sequence[str | Path],
    queries: str | Iterable[str] | None = None,
    query_file: Path | None = None,
) -> Search:
    """Answer queries about videos.

    Args:
        given: a file or a folder of videos, or several of them.
        queries: about every video.
        query_file: further queries, one per line, or `video<TAB>query` for a single video. Without any query, the
            answers are about the highlights of each video.

    Raises:
        UserError: none of the videos could be answered, a query is empty or not text, their file is malformed, or the
            weights of an encoder are missing or damaged.
        OSError: a fault of the machine.
    """
    neutral = queries is None and query_file is None
    about_all = check_queries(queries) if neutral or queries is not None else []
    videos, causes = gather_videos([Path(path) for path in ([given] if isinstance(given, str | Path) else given)])
    asked, lines = assign_queries(videos, about_all, query_file)
    answers: list[Answer] = []
    problems = [
        Problem("", show_path(query_file), "queries", line.removeprefix(f"{query_file}: "))
        for line in lines
        if query_file is not None
    ]
    problems += [_left_out(file, cause) for file, cause in causes.items()]
    alone = len(problems) + sum(bool(queries) for queries in asked.values()) == 1
    for problem in () if alone else problems:
        _log.warning("%s: %s", problem.file, problem.cause)
    for number, video in enumerate(videos, start=1):
        if not asked[video.file]:
            continue
        place = f" ({number} of {len(videos)})" if len(videos) > 1 else ""
        try:
            found = finder.answer(video.file, asked[video.file], neutral=neutral, place=place)
            answers += found
            new = [
                Problem(show_path(Path(video.id)), show_path(video.file), "video", cause) for cause in found[0].problems
            ]
        except UserError as fault:
            if not str(fault).startswith(f"{video.file}: "):
                raise  # of the bundle: it would be the same for every video
            new = [_left_out(video.file, str(fault).removeprefix(f"{video.file}: "))]
        for problem in new if answers or not alone else ():
            _log.warning("%s: %s", problem.file, problem.cause)
        problems += new
    if not answers:
        if alone:
            raise UserError(f"{problems[0].file}: {problems[0].cause.removeprefix(LEFT_OUT)}")
        raise UserError(f"nothing could be answered: {len(problems)} problems, named above")
    return Search(tuple(answers), tuple(problems))


def _left_out(file: Path, cause: str) -> Problem:
    return Problem(show_path(Path(file.stem)), show_path(file), "video", f"{LEFT_OUT}{cause}")
