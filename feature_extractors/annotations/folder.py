"""Make rows without labels from your own videos and a text file of queries."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from pathlib import Path
from unicodedata import normalize

from cli import UserError
from feature_extractors.annotations.qids import number
from feature_extractors.media.faults import raise_if_of_machine
from feature_extractors.media.probing import measure
from feature_extractors.video_files import CONTROL, SEVERAL, choose_all
from formats.grid import CLIP_SECONDS, ClipGrid, whole_seconds
from formats.rows import Row

_log = logging.getLogger(__name__)


def list_videos(folder: Path) -> dict[str, float]:
    """List the videos of a folder and its subfolders in order: id (the file name without its extension) and seconds.

    Which files are videos, and how long, is decided as in the workflow; other files are skipped with a warning. Sound
    alone counts as a video without pictures.

    Raises:
        UserError: no such folder, no video in it, or two videos with one id.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of videos")
    found: dict[str, float] = {}
    forms: dict[str, str] = {}
    for vid, choice in choose_all(folder).items():
        if CONTROL.search(vid):
            _log.warning(
                "%s: %r: left out, because an id cannot contain line breaks or control characters", folder, vid
            )
            continue
        if choice.cause.startswith(SEVERAL):
            names = " and ".join(choice.cause.removeprefix(f"{SEVERAL}: ").split(", "))
            raise UserError(f"{folder}: {names} would have the same id: rename one")
        for other, reason in choice.rest.items():
            _log.warning("%s: %s, left out", other, reason)
        if choice.file is None:
            continue
        same = forms.setdefault(normalize("NFC", vid), vid)
        if same != vid:
            raise UserError(f"{folder}: {same!a} and {vid!a} differ only in their Unicode normal form: rename one")
        try:
            found[vid] = measure(choice.file, ClipGrid(seconds=CLIP_SECONDS)).seconds
        except (UserError, OSError) as problem:
            raise_if_of_machine(problem, choice.file)
            _log.warning("%s, left out", problem)
    if not found:
        raise UserError(f"{folder}: no video in this folder")
    return found


def read_queries(path: Path, videos: Collection[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Read pairs (video id, query), each once, and a problem for each line about a video that cannot be read.

    A line is a query about every video, or `video<TAB>query` about one, which is named by its id or its file name. A
    line about a video that is missing or broken keeps its pair: the workflow lists such videos and continues. A line
    that begins with a video but has another mark than a tab after it is a query about every video, and is named.

    Raises:
        UserError: there are no queries, or one is empty.
    """
    try:
        # str.splitlines would also split at U+2028 and the like, which occur within sentences.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    pairs: dict[tuple[str, str], None] = {}
    problems = []
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        query = " ".join((text if tab else name).split())
        if not query:
            raise UserError(f"{path}: line {line_number}: no query after the video")
        vids = [_named(name.strip(), videos)] if tab else list(videos)
        if not tab and (begin := _without_tab(name, videos)):
            _log.warning(
                "%s: line %d: %r is a query about every video: for one about %r alone, put a tab after the video",
                path,
                line_number,
                query,
                begin,
            )
        problems += [
            f"{path}: line {line_number}: video {vid!r} is missing or cannot be read"
            for vid in vids
            if vid not in videos
        ]
        pairs.update(dict.fromkeys((vid, query) for vid in vids))
    if not pairs:
        raise UserError(f"{path}: no queries")
    return list(pairs), problems


def _without_tab(line: str, videos: Collection[str]) -> str:
    """The video that a line without a tab begins with, if a comma or the like follows; empty if there is none."""
    begin, *rest = re.split(r"[,;|]|: | {2,}", line.strip(), maxsplit=1)
    return begin.strip() if rest and _named(begin.strip(), videos) in videos else ""


def _named(name: str, videos: Collection[str]) -> str:
    """The id that a line names. From the name of a missing file, only an extension of letters and digits is removed."""
    forms = {normalize("NFC", vid): vid for vid in videos}
    path = Path(name)
    for given in (name, path.stem):
        if given in videos:
            return given
        if normalize("NFC", given) in forms:
            return forms[normalize("NFC", given)]
    return path.stem if re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", path.suffix) else name


def make_rows(queries: Path, folder: Path, broken_videos: str = "leave_out") -> list[Row]:
    """Make one row per video and query, without a duration if the video is missing or broken.

    Raises:
        UserError: a query names such a video, and `broken_videos` is stop.
    """
    videos = list_videos(folder)
    pairs, problems = read_queries(queries, videos)
    if problems and broken_videos == "stop":
        raise UserError("; ".join(problems))
    for problem in problems:
        _log.warning("%s", problem)
    pairs.sort()
    return [
        {"qid": qid, "query": query, "vid": vid, **(_durations(videos[vid]) if vid in videos else {})}
        for qid, (vid, query) in zip(number(pairs, str(queries)), pairs, strict=True)
    ]


def _durations(seconds: float) -> Row:
    clips = ClipGrid(seconds=CLIP_SECONDS)
    return {"duration": whole_seconds(clips.count(seconds)), "duration_s": round(seconds, 6)}
