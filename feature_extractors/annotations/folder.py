"""Your own videos and a text file of queries as rows without labels."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import av

from cli import UserError
from feature_extractors.annotations.qids import number
from feature_extractors.media.container import Problems, open_media, pick_pictures, read_packets
from feature_extractors.video_files import NO_VIDEO
from formats.grid import CLIP_SECONDS, ClipGrid, whole_seconds
from formats.rows import Row

_log = logging.getLogger(__name__)


def list_videos(folder: Path) -> dict[str, float]:
    """Seconds of every video in a folder, by id (the file name without its extension), in order.

    What holds no moving picture is passed over with a note; so is what the workflow would not take for a video.

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
        try:
            seconds = _measure(file)
        except UserError as problem:
            _log.warning("%s, left out", problem)
            continue
        if file.stem in names:
            raise UserError(f"{folder}: {names[file.stem]} and {file.name} would have one id: rename one")
        found[file.stem], names[file.stem] = seconds, file.name
    if not found:
        raise UserError(f"{folder}: no video in this folder")
    return found


def _measure(file: Path) -> float:
    """Seconds of a video. Where the container does not say, its packets are read to the end.

    Raises:
        UserError: the file holds no video.
    """
    if NO_VIDEO.fullmatch(file.suffix):
        raise UserError(f"{file}: no video but {file.suffix}")
    try:
        with open_media(file) as container:
            stream = pick_pictures(file, container)
            if container.duration:
                return float(container.duration / av.time_base)
            ends = [
                float((packet.pts + (packet.duration or 0)) * packet.time_base)
                for packet in read_packets(container, [stream], Problems())
                if packet.pts is not None and packet.time_base is not None
            ]
            if not ends:
                raise UserError(f"{file}: no video frames with times")
            return max(ends) - float((stream.start_time or 0) * (stream.time_base or 0))
    except (av.FFmpegError, OSError) as problem:
        raise UserError(f"{file}: cannot be read: {problem.strerror}") from None


def read_queries(path: Path, videos: Mapping[str, float]) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs (video id, query), each once; and what is wrong with lines about videos that are not there.

    A line is a query about every video, or `video<TAB>query` about one, which is named by its id or its file name. A
    line about a video that is missing or broken keeps its pair: the workflow lists such videos and goes on.

    Raises:
        UserError: no queries, or an empty one.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
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
        problems += [
            f"{path}: line {line_number}: no video {vid!r} that can be read" for vid in vids if vid not in videos
        ]
        pairs.update(dict.fromkeys((vid, query) for vid in vids))
    if not pairs:
        raise UserError(f"{path}: no queries")
    return sorted(pairs), problems


def _named(name: str, videos: Mapping[str, float]) -> str:
    """The id that a line means. Of a file that is not there only an extension of letters and digits is taken off."""
    if name in videos:
        return name
    path = Path(name)
    known = path.stem in videos or re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", path.suffix)
    return path.stem if known else name


def make_rows(queries: Path, folder: Path, broken_videos: str = "leave_out") -> list[Row]:
    """One row a video and query; without a duration where the video is missing or broken.

    Raises:
        UserError: such a video is named, and `broken_videos` is stop.
    """
    videos = list_videos(folder)
    pairs, problems = read_queries(queries, videos)
    if problems and broken_videos == "stop":
        raise UserError("; ".join(problems))
    for problem in problems:
        _log.warning("%s", problem)
    return [
        {"qid": qid, "query": query, "vid": vid, **(_durations(videos[vid]) if vid in videos else {})}
        for qid, (vid, query) in zip(number(pairs, str(queries)), pairs, strict=True)
    ]


def _durations(seconds: float) -> Row:
    clips = ClipGrid(seconds=CLIP_SECONDS)
    return {"duration": whole_seconds(clips.count(seconds)), "duration_s": round(seconds, 6)}
