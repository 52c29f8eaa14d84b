"""When the frames of a stream are shown whose packets do not all tell it.

Program streams give a time to a packet of the multiplex, not to each picture of H.264 and HEVC in it; AVI and streams
without a container give none. Decoders put pictures into their order of showing; what is left to find out is the time
of the n-th. Where pictures come at a steady rate, the times of showing are the times of decoding, later by a constant.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from statistics import median

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

WITHOUT_TIMES = {"h264", "hevc", "vvc", "evc", "mpegvideo", "m4v", "h261", "h263", "mjpeg", "obu", "cavsvideo", "vc1"}
"""Formats that are bare streams of pictures."""
IN_CODING_ORDER = {"avi", "mpegvideo"}
"""Formats for which FFmpeg makes up times of showing in the order of coding, of some or all codecs."""
ASSUMED_RATE = Fraction(25)
"""Frames a second of a bare stream that does not tell its own; FFmpeg assumes the same."""
RATES = (Fraction(1), Fraction(300))
"""Rates beyond these are the clock of a stream with a variable rate, not frames a second."""
MEASURED = 9
"""Stretches between two frames with times of which the usual pace is taken."""
JITTER = 1.5
"""Steps by which the time of decoding of a packet may be off the steady pace of all, where few have one."""
NEAR = 6.0
"""Steps by which the time of showing of a frame may be off, likewise: as many as B-frames follow one another."""
UNKNOWN = np.iinfo(np.int64).min
"""Stands for a time that a packet does not have."""


def orders_by_coding(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the packets' times of showing are made up, and lie in the order of coding where pictures do not.

    MPEG-4 and MPEG-2 in AVI, MPEG-2 alone, come with right ones.
    """
    context, form = stream.codec_context, container.format.name
    codec = context.codec.canonical_name
    if form not in IN_CODING_ORDER:
        return False
    return codec in ("h264", "hevc") or (codec in ("mpeg1video", "vc1", "wmv3") and bool(context.has_b_frames))


def rate_of_bare(container: InputContainer, stream: VideoStream) -> tuple[Fraction, bool] | None:
    """Frames a second of a stream without a container, and whether that is assumed; None for other formats."""
    if container.format.name not in WITHOUT_TIMES:
        return None
    told = stream.codec_context.framerate
    if told and RATES[0] <= told <= RATES[1]:
        return Fraction(told), False
    return ASSUMED_RATE, True


def deal_out(
    pts: NDArray[np.int64], dts: NDArray[np.int64], step: float | None, made_up: bool
) -> tuple[NDArray[np.int64], float]:
    """Rising times of showing, one for each frame as the decoder gives them, from the times that packets have.

    Args:
        pts, dts: (packets,) ticks in the order of decoding, `UNKNOWN` where a packet has none.
        step: ticks a frame where that is known; else it follows from the packets that have times.
        made_up: whether the times of showing are not to be believed.

    Returns:
        Times (packets,) and ticks a frame.
    """
    known = np.where(dts != UNKNOWN, dts, pts)
    anchors = np.flatnonzero(known != UNKNOWN)
    places = np.arange(len(known))
    if not len(anchors):
        return np.rint(places * (step or 1.0)).astype(np.int64), step or 1.0
    values = known[anchors].astype(np.float64)
    if len(anchors) > 1:
        paces = np.diff(values) / np.diff(anchors)
        step = float(np.median(np.repeat(paces, np.diff(anchors))))  # of most pictures, not of most stretches
    step = step or 1.0
    if 2 * len(anchors) < len(known):
        values = _on_steady_pace(anchors, values, step)
    times = np.interp(places, anchors, values)
    times = np.where(places < anchors[0], values[0] - step * (anchors[0] - places), times)
    times = np.where(places > anchors[-1], values[-1] + step * (places - anchors[-1]), times)
    shown = pts[pts != UNKNOWN][:32]  # later ones may be of a clock that started again
    if len(shown) and not made_up:
        times = times + max(0.0, float(shown.min()) - times[0])
    return np.rint(times).astype(np.int64), step


def _on_steady_pace(anchors: NDArray[np.int64], values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Times that lie within `JITTER` steps of a steady pace, put on it.

    FFmpeg sometimes gives the time in the header of a program stream's packet to the picture before the one that it is
    of.
    """
    steady = values.copy()
    for at in range(1, len(anchors)):
        expected = steady[at - 1] + step * (anchors[at] - anchors[at - 1])
        if abs(values[at] - expected) <= JITTER * step:
            steady[at] = expected
    return steady


class Pace:
    """The seconds at which frames begin that come in the order of showing, and of which only some have a time."""

    def __init__(self, begins: NDArray[np.float64], step: float, sparse: bool) -> None:
        """Takes the rising times that were dealt out, the usual seconds a frame, and whether few frames have a time."""
        self._begins, self._step = begins, step
        self._near = NEAR * step if sparse else 0.0
        self._counting = True
        self._paces: deque[float] = deque(maxlen=MEASURED)
        self._number = -1
        self._timed: tuple[int, float] | None = None
        self._begin = 0.0

    def begin(self, own: float | None) -> float:
        """When the next frame begins, given its own time if it has one.

        The n-th frame begins at the n-th time, as long as the frames' own times say so. Where frames are lost, or two
        packets make one (a field each), they do not: from there on, frames follow the last own time, at the pace
        between the own times.
        """
        self._number += 1
        dealt = float(self._begins[min(self._number, len(self._begins) - 1)])
        self._counting = self._counting and (own is None or abs(own - dealt) <= self._near)
        if self._counting:
            now = dealt
        elif own is not None:
            now = own
        else:
            since, then = self._timed or (self._number, dealt)
            pace = median(self._paces) if self._paces else self._step  # one pause is no pace
            now = round(then + (self._number - since) * pace, 6)
        if own is not None:
            if self._timed is not None:
                self._paces.append((own - self._timed[1]) / (self._number - self._timed[0]))
            self._timed = self._number, own
        self._begin = max(now, self._begin) if self._number else now
        return self._begin
