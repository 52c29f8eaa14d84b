"""Timelines to export, at the frame rates that editing programs know."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

from eval.exchange.cuts import Cut, Timeline
from formats.media.footage import Footage

RATES = [
    ("24000/1001", None),
    ("24/1", None),
    ("25/1", None),
    ("30000/1001", True),
    ("30000/1001", False),
    ("30/1", None),
    ("50/1", None),
    ("60000/1001", True),
    ("60000/1001", False),
    ("60/1", None),
]
"""Exact frames per second, and whether drop-frame time code is wanted."""
HOSTILE = 'a <b> & "c"\n--> |x| ; = # \\ é \x07'
"""A query that no format can hold as it is."""
SPANS = [(2.0, 10.0), (61.5, 64.25), (3600.0, 3650.5)]
"""Seconds; behind the first minute and the first hour, drop-frame time code differs from a count of frames."""


EDGES = [(1, 2), (1799, 1801), (107_893, 109_406)]
"""Frames, the second one not included; one frame alone is 17 ms long at 60 per second."""


def make_footage(rate: str = "25/1", **changes: Any) -> Footage:
    """A video of 3,700 s in stereo."""
    about: dict[str, Any] = {
        "vid": "demo_053",
        "file": "sub/demo 053 <&>.mp4",
        "seconds": 3700.0,
        "rate": rate,
        "frames": int(3700 * Fraction(rate)) if rate else 0,
        "width": 640,
        "height": 360,
        "sound_rate": 48000,
        "channels": 2,
    }
    return Footage(**{**about, **changes})


def make_timeline(
    rate: str = "25/1", drop: bool | None = None, labels: tuple[str, ...] = (HOSTILE, "x", "y"), **changes: Any
) -> Timeline:
    """The moments of `SPANS`."""
    footage = make_footage(rate, **changes)
    cuts = tuple(Cut(footage, start, end, label, 0.5) for (start, end), label in zip(SPANS, labels, strict=True))
    return Timeline("demo_053", cuts, drop, Path("/media/videos"))


def make_frame_timeline(rate: str, drop: bool | None = None) -> Timeline:
    """Cuts between the frames of `EDGES`, in seconds that no decimal fraction holds exactly at most rates."""
    footage = make_footage(rate)
    spans = [[frame / Fraction(rate) for frame in edges] for edges in EDGES]
    cuts = tuple(Cut(footage, float(start), float(end), "x", 0.5) for start, end in spans)
    return Timeline("demo_053", cuts, drop, Path("/media/videos"))


def nearest_frames(spans: Sequence[tuple[float, float]], rate: str) -> list[tuple[int, int]]:
    """The frames that begin nearest to seconds that a reader gives."""
    edges = [[floor(Fraction(at) * Fraction(rate) + Fraction(1, 2)) for at in span] for span in spans]
    return [(first, stop) for first, stop in edges]


def expected_frames(timeline: Timeline) -> list[tuple[int, int]]:
    """First frame and number of frames of each cut, in whole numbers: the frame that begins nearest to a time."""
    rate = Fraction(timeline.cuts[0].footage.rate)
    edges = [[int(Fraction(at) * rate + Fraction(1, 2)) for at in (cut.start, cut.end)] for cut in timeline.cuts]
    return [(first, stop - first) for first, stop in edges]
