"""Chapters of a video: lines for YouTube's description, and FFmpeg's metadata file."""

from __future__ import annotations

import re
from dataclasses import replace

from cli import UserError
from eval.exchange.cuts import Cut, Timeline
from eval.exchange.names import one_line
from eval.markup import count

SHORTEST = 10
"""Seconds that a chapter of YouTube lasts at least."""
FEWEST = 3
"""Chapters that YouTube wants at least."""
_BRACKETS = str.maketrans("<>", "‹›")
"""YouTube refuses a description with < or >."""
REST = "…"
"""Title of what lies between moments."""


def write_youtube(timeline: Timeline) -> str:
    """Write lines for the description of a video: the first chapter begins at 0:00, and none is shorter than 10 s.

    A moment that begins less than 10 s after the last chapter, or before the video's end, joins that chapter, whose
    title then names both. What lies between moments is a chapter of its own if it is long enough.

    Raises:
        UserError: fewer than three chapters are left; YouTube would show none.
    """
    (source,) = timeline.sources()
    found: list[tuple[int, list[str]]] = [(0, [])]
    end = 0
    for cut in sorted(timeline.cuts, key=lambda cut: cut.start):
        start, label = int(cut.start), one_line(cut.label).translate(_BRACKETS)
        _add_rest(found, end, start)
        end = max(end, round(cut.end))
        if label in found[-1][1]:
            continue
        if start - found[-1][0] >= SHORTEST and source.seconds - start >= SHORTEST:
            found.append((start, []))
        found[-1][1].append(label)
    _add_rest(found, end, int(source.seconds))
    if len(found) < FEWEST:
        made = count(len(found), "chapter", "chapters")
        raise UserError(
            f"{timeline.title}: makes {made}, but YouTube shows none if there are fewer than {FEWEST} of"
            f" {SHORTEST} s: select more moments, or choose ffmetadata"
        )
    return "".join(f"{_clock(start, source.seconds)} {' / '.join(labels) or REST}\n" for start, labels in found)


def _add_rest(found: list[tuple[int, list[str]]], end: int, following: int) -> None:
    """Add a chapter for what lies between the end of the moments so far and the next one, if it is long enough."""
    begin = max(end, found[-1][0] + SHORTEST)
    if found[-1][1] and following - begin >= SHORTEST:
        found.append((begin, [REST]))


def write_ffmetadata(timeline: Timeline) -> str:
    """Write FFmpeg's metadata file. `ffmpeg -i VIDEO -i FILE -map_metadata 1 -codec copy OUT` copies it into a video.

    Chapters must not overlap: one ends where the next begins.
    """
    lines = [";FFMETADATA1"]
    cuts = sorted(timeline.cuts, key=lambda cut: (cut.start, cut.end))
    for number, cut in enumerate(cuts):
        following = cuts[number + 1 : number + 2]
        shown = replace(cut, end=min(cut.end, following[0].start)) if following else cut
        if shown.end <= shown.start:  # another begins at the same moment
            continue
        lines += ["[CHAPTER]", "TIMEBASE=1/1000000", *_span(shown), f"title={_escape(one_line(_title(cut, cuts)))}"]
    return "\n".join(lines) + "\n"


def _title(cut: Cut, cuts: list[Cut]) -> str:
    """The label; of moments that begin together, all labels."""
    return " / ".join(dict.fromkeys(other.label for other in cuts if other.start == cut.start))


def _span(cut: Cut) -> list[str]:
    return [f"START={round(cut.start * 1_000_000)}", f"END={round(cut.end * 1_000_000)}"]


def _escape(text: str) -> str:
    return re.sub(r"([=;#\\])", r"\\\1", text)


def _clock(seconds: int, longest: float) -> str:
    if longest >= 3600:
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 60}:{seconds % 60:02d}"
