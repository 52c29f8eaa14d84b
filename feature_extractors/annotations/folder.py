"""Your own videos and a text file of queries as rows without labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import av

from cli import UserError
from cli.files import Row
from feature_extractors.annotations import CLIP_SECONDS
from feature_extractors.annotations.qids import number
from feature_extractors.manifest import ClipConfig

_log = logging.getLogger(__name__)

# What FFmpeg opens as moving pictures too: single pictures, and text as a terminal would show it.
_NO_VIDEOS = ("image2", "gif", "tty", "ico")


def list_videos(folder: Path) -> dict[str, float]:
    """Seconds of every video in a folder, by id (the file name without its extension), in order.

    What holds no moving picture is passed over with a note.

    Raises:
        UserError: no such folder, no video in it, or two files with one id.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of videos")
    found: dict[str, float] = {}
    names: dict[str, str] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or not file.is_file():
            continue
        seconds = _measure(file)
        if seconds is None:
            _log.warning("%s: no video that can be read, left out", file)
            continue
        if file.stem in names:
            raise UserError(f"{folder}: {names[file.stem]} and {file.name} would have one id: rename one")
        found[file.stem], names[file.stem] = seconds, file.name
    if not found:
        raise UserError(f"{folder}: no video in this folder")
    return found


def _measure(file: Path) -> float | None:
    """Seconds of a video, None if it is none. Where the container does not say, its packets are read to the end."""
    try:
        with av.open(f"file:{file}", metadata_errors="replace") as container:
            name = container.format.name
            if not container.streams.video or name.endswith("_pipe") or name in _NO_VIDEOS:
                return None
            if container.duration:
                return float(container.duration / av.time_base)
            stream = container.streams.video[0]
            ends = [
                float((packet.pts + (packet.duration or 0)) * packet.time_base)
                for packet in container.demux(stream)
                if packet.pts is not None and packet.time_base is not None
            ]
            return max(ends) - float((stream.start_time or 0) * (stream.time_base or 0)) if ends else None
    except av.FFmpegError:
        return None


def read_queries(path: Path, videos: Mapping[str, float]) -> list[tuple[str, str]]:
    """Pairs (video id, query), each once.

    A line is a query about every video, or `video<TAB>query` about one, which is named by its id or its file name.

    Raises:
        UserError: no queries, an empty one, or a line about a video that is not there.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    pairs: dict[tuple[str, str], None] = {}
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        query = " ".join((text if tab else name).split())
        if not query:
            raise UserError(f"{path}: line {line_number}: no query after the video")
        pairs.update(dict.fromkeys((vid, query) for vid in _named(name, tab, videos, f"{path}: line {line_number}")))
    if not pairs:
        raise UserError(f"{path}: no queries")
    return sorted(pairs)


def _named(name: str, tab: str, videos: Mapping[str, float], where: str) -> list[str]:
    if not tab:
        return list(videos)
    for vid in (name.strip(), Path(name.strip()).stem):
        if vid in videos:
            return [vid]
    raise UserError(f"{where}: no video {name.strip()!r} in the folder")


def make_rows(queries: Path, folder: Path) -> list[Row]:
    """One row a video and query."""
    videos = list_videos(folder)
    pairs = read_queries(queries, videos)
    clips = ClipConfig(seconds=CLIP_SECONDS)
    return [
        {
            "qid": qid,
            "query": query,
            "vid": vid,
            "duration": int(clips.count(videos[vid]) * CLIP_SECONDS),
            "duration_s": round(videos[vid], 6),
        }
        for qid, (vid, query) in zip(number(pairs, str(queries)), pairs, strict=True)
    ]
