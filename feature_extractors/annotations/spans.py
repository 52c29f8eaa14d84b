"""Make rows of spans that people labelled by hand, in whatever program."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from cli import UserError
from feature_extractors.annotations.folder import list_videos
from feature_extractors.annotations.qids import number
from formats.annotations import LONGEST
from formats.grid import CLIP_SECONDS, ClipGrid, whole_seconds
from formats.rows import Row, shorten

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
"""Label Studio puts eight digits before the name of an uploaded file."""
_CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,7}(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True)
class Span:
    """A labelled span of a video.

    Attributes:
        video: the video's id, file name, path or URL, as the labelling program gives it.
        query: the label.
        start: seconds.
        end: seconds; None for the end of the video.
        where: file and place, for messages.
    """

    video: str
    query: str
    start: float
    end: float | None
    where: str


def make_rows(spans: Iterable[Span], folder: Path, where: str) -> list[Row]:
    """Make one row per video and label, with all spans of that label as its windows.

    Spans are cut at the video's end; those of one label that overlap or touch become one window.

    Args:
        folder: the media files, which give the lengths.
        where: the files of the spans, for messages.

    Raises:
        UserError: a span without label, one that is empty within its video, a video that is not in the folder, or no
            spans at all.
    """
    lengths = list_videos(folder)
    windows: dict[tuple[str, str], list[list[float]]] = {}
    for span in spans:
        query = " ".join(span.query.split())
        if not query:
            raise UserError(f"{span.where}: a span without a label")
        vid = find_video(span.video, lengths)
        if vid is None:
            raise UserError(f"{span.where}: no video {shorten(span.video)} in {folder}")
        length = lengths[vid]
        end = length if span.end is None else min(span.end, length)
        if not 0 <= span.start < end:
            shown = "its end" if span.end is None else f"{span.end:g} s"
            raise UserError(f"{span.where}: no moment from {span.start:g} s to {shown} in a video of {length:g} s")
        windows.setdefault((vid, query), []).append([round(span.start, 3), round(end, 3)])
    if not windows:
        raise UserError(f"{where}: no labelled spans")
    keys = sorted(windows)
    clips = ClipGrid(seconds=CLIP_SECONDS)
    return [
        {
            "qid": qid,
            "query": query,
            "vid": vid,
            "duration": whole_seconds(clips.count(lengths[vid])),
            "duration_s": round(lengths[vid], 6),
            "relevant_windows": _merge(windows[vid, query]),
        }
        for qid, (vid, query) in zip(number(keys, where), keys, strict=True)
    ]


def find_video(name: str, videos: Collection[str]) -> str | None:
    """The id of the video that a name, path or URL means; None if there is none."""
    forms = {normalize("NFC", vid): vid for vid in videos}
    last = re.split(r"[/\\]", name.split("?", 1)[0].rstrip("/\\"))[-1]
    for given in (name, last, unquote(last)):
        for form in (given, _UPLOAD.sub("", given, count=1)):
            for text in (form, form.rpartition(".")[0]):
                if normalize("NFC", text) in forms:
                    return forms[normalize("NFC", text)]
    return None


def read_seconds(text: str, where: str) -> float:
    """Read seconds, `m:ss` or `h:mm:ss`, each with or without a fraction.

    Raises:
        UserError: neither of them, or more than a day.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise UserError(f"{where}: a time must be seconds, m:ss or h:mm:ss, got {shorten(text)}")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    if match[2] is not None and (seconds >= 60 or (match[1] is not None and minutes >= 60)):
        raise UserError(f"{where}: a time must be seconds, m:ss or h:mm:ss, got {shorten(text)}")
    return check_seconds(hours * 3600 + minutes * 60 + seconds, where)


def check_seconds(value: object, where: str) -> float:
    """Check a number of seconds that a program wrote.

    Raises:
        UserError: not a number, negative or more than a day.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise UserError(f"{where}: a time must be 0 to {LONGEST:.0f} seconds, got {shorten(value)}")
    return float(value)


def _merge(windows: list[list[float]]) -> list[list[float]]:
    merged: list[list[float]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged
