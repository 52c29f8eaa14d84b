"""Subtitles that show each query while its moment lasts: WebVTT and SubRip (SRT)."""

from __future__ import annotations

from eval.exchange.cuts import Cut, Timeline
from eval.exchange.names import one_line

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def write_vtt(timeline: Timeline) -> str:
    """Write WebVTT (W3C), which browsers show over a video."""
    cues = [
        f"{number}\n{_span(cut, '.')}\n{_escape(_text(cut))}\n" for number, cut in enumerate(timeline.cuts, start=1)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def write_srt(timeline: Timeline) -> str:
    """Write SubRip's format, which most players show."""
    cues = [f"{number}\n{_span(cut, ',')}\n{_text(cut)}\n" for number, cut in enumerate(timeline.cuts, start=1)]
    return "\n".join(cues)


def _text(cut: Cut) -> str:
    label = one_line(cut.label) or one_line(cut.footage.vid)
    # In both formats an arrow is the mark of a line of times.
    return label.replace("-->", "->") + ("" if cut.score is None else f" ({cut.score:.2f})")


def _escape(text: str) -> str:
    return "".join(_ENTITIES.get(character, character) for character in text)


def _span(cut: Cut, point: str) -> str:
    """The line of times. A cue that does not last is never shown: what the end of a video leaves may be so short."""
    start, end = round(cut.start * 1000), round(cut.end * 1000)
    return f"{_time(start, point)} --> {_time(max(end, start + 1), point)}"


def _time(milliseconds: int, point: str) -> str:
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{rest:03d}"
