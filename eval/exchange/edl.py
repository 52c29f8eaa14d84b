"""Edit decision lists: CMX 3600, and the list of markers that DaVinci Resolve reads and writes."""

from __future__ import annotations

from cli import UserError
from eval.exchange.cuts import Timeline, first_timecode
from eval.exchange.names import one_line, reel_names
from eval.exchange.timecode import begin_frame, show_timecode

MOST_EVENTS = 999
"""Events that a CMX 3600 list can number."""
LONGEST_TITLE = 70
MARKER_COLOUR = "ResolveColorBlue"


def write_edl(timeline: Timeline) -> str:
    """Write a CMX 3600 list: the cuts one after another, with picture and sound.

    Raises:
        UserError: no constant frame rate, one that time code cannot count, or too many cuts.
    """
    rate, drop = timeline.counted_rate(), timeline.drops()
    if len(timeline.cuts) > MOST_EVENTS:
        raise UserError(
            f"{timeline.title}: {len(timeline.cuts)} cuts, but a CMX 3600 list holds {MOST_EVENTS}: select fewer with"
            " --topk or --threshold"
        )
    reels = reel_names(source.vid for source in timeline.sources())
    lines = _head(timeline.title, drop)
    at = begin_frame(rate, drop)
    for number, cut in enumerate(timeline.cuts, start=1):
        source = cut.footage
        first, stop = cut.frames()
        own, drop_own = first_timecode(source), timeline.drops_in(source)
        times = [show_timecode(own + frame, rate, drop_own) for frame in (first, stop)]
        times += [show_timecode(frame, rate, drop) for frame in (at, at + stop - first)]
        at += stop - first
        lines += [
            f"{number:03d}  {reels[source.vid]:<8} {_channels(source.channels):<5} C        {' '.join(times)}",
            f"* FROM CLIP NAME: {one_line(source.file.rpartition('/')[2])}",
            f"* COMMENT: {_describe(cut.label, cut.score)}",
        ]
    return "\n".join(lines) + "\n"


def write_markers(timeline: Timeline) -> str:
    """Write the markers of a timeline that holds one whole video from its first frame.

    Raises:
        UserError: no constant frame rate, or one that time code cannot count.
    """
    rate, drop = timeline.counted_rate(), timeline.drops()
    begin = begin_frame(rate, drop)
    lines = _head(timeline.title, drop)
    for number, cut in enumerate(timeline.cuts, start=1):
        first, stop = cut.frames()
        times = [show_timecode(begin + first + more, rate, drop) for more in (0, 1)] * 2
        score = "" if cut.score is None else f"score {cut.score:.3f} "
        # A bar ends the field.
        name = one_line(cut.label).replace("|", "/")
        lines += [
            f"{number:03d}  001      V     C        {' '.join(times)}  ",
            f" {score}|C:{MARKER_COLOUR} |M:{name} |D:{stop - first}",
            "",
        ]
    return "\n".join(lines) + "\n"


def _head(title: str, drop: bool) -> list[str]:
    return [f"TITLE: {one_line(title)[:LONGEST_TITLE]}", f"FCM: {'DROP' if drop else 'NON-DROP'} FRAME", ""]


def _channels(count: int) -> str:
    """V is the picture alone, B with one channel of sound, AA/V with two."""
    return ("V", "B", "AA/V")[min(count, 2)]


def _describe(label: str, score: float | None) -> str:
    return one_line(label) + ("" if score is None else f" ({score:.3f})")
