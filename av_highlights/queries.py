"""Queries: checked, and read from the command line or from a file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from av_highlights.answers import NEUTRAL_QUERY
from av_highlights.videos import Source
from cli import UserError
from feature_extractors.annotations.folder import read_queries
from formats.rows import shorten

_log = logging.getLogger(__name__)


def check_queries(given: str | Iterable[str] | None, where: str = "queries") -> list[str]:
    """Each query once, with single blanks; `NEUTRAL_QUERY` if `given` is None.

    Raises:
        UserError: a query is empty or not text, or there is none.
    """
    if given is None:
        return [NEUTRAL_QUERY]
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise UserError(f"{where}: must be text, got {shorten(given)}")
    checked = list(dict.fromkeys(_check(query, where) for query in ([given] if isinstance(given, str) else given)))
    if not checked:
        raise UserError(f"{where}: none given (leave the argument out for the highlights of the video)")
    return checked


def _check(query: object, where: str) -> str:
    if not isinstance(query, str):
        raise UserError(f"{where}: a query must be text, got {shorten(query)}")
    text = " ".join(query.split())
    if not text:
        raise UserError(f"{where}: a query must not be empty")
    if "\0" in text:
        raise UserError(f"{where}: {shorten(text)} holds the character \\u0000")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: {shorten(text)} is not UTF-8 text") from None
    return text


def assign_queries(
    videos: Sequence[Source], queries: Sequence[str], file: Path | None
) -> tuple[dict[Path, list[str]], list[str]]:
    """The queries about each video, in the order given, and what is wrong with lines of the file.

    Args:
        queries: about every video.
        file: a query per line, or `video<TAB>query`.

    Raises:
        UserError: the file cannot be read, or has no queries.
    """
    asked: dict[Path, list[str]] = {video.file: list(queries) for video in videos}
    if file is None:
        return asked, []
    by_id: Mapping[str, Source] = {video.id: video for video in videos}
    if not file.is_file():
        raise UserError(f"{file}: no such file of queries")
    pairs, problems = read_queries(file, by_id)
    for vid, text in pairs:
        query = _check(text, str(file))
        if vid in by_id and query not in asked[by_id[vid].file]:
            asked[by_id[vid].file].append(query)
    return asked, problems
