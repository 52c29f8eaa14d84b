"""Find out when frames are shown in a stream where not all packets have a presentation time.

Program streams give a time to a packet of the multiplex, not to each H.264 or HEVC picture in it; AVI and streams
without a container give none. Decoders put pictures into display order, so only the time of the n-th picture is to be
found. At a steady frame rate, presentation times are the decoding times plus a constant.
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
"""Formats that are streams of pictures without a container."""
IN_CODING_ORDER = {"avi", "mpegvideo"}
"""Formats for which FFmpeg makes up presentation times in coding order, for some or all codecs."""
ASSUMED_RATE = Fraction(25)
"""Frames per second of a bare stream that does not give its rate; FFmpeg assumes the same."""
RATES = (Fraction(1), Fraction(300))
"""Rates outside these limits are the clock of a stream with a variable rate, not frames per second."""
MEASURED = 9
"""Number of stretches between two timed frames from which the usual pace is taken."""
JITTER = 1.5
"""Steps by which a packet's decoding time may deviate from a steady pace, if few packets have one."""
NEAR = 6.0
"""Steps by which a frame's presentation time may deviate, likewise: as many as there are consecutive B-frames."""
UNKNOWN = np.iinfo(np.int64).min
"""Stands for a time that a packet does not have."""


def orders_by_coding(container: InputContainer, stream: VideoStream) -> bool:
    """Whether the packets' presentation times are made up in coding order, although pictures are shown in another.

    MPEG-4 and MPEG-2 in AVI, and bare MPEG-2, have correct times.
    """
    context, form = stream.codec_context, container.format.name
    codec = context.codec.canonical_name
    if form not in IN_CODING_ORDER:
        return False
    return codec in ("h264", "hevc") or (codec in ("mpeg1video", "vc1", "wmv3") and bool(context.has_b_frames))


def rate_of_bare(container: InputContainer, stream: VideoStream) -> tuple[Fraction, bool] | None:
    """Frames per second of a stream without a container, and whether they are assumed; None for other formats."""
    if container.format.name not in WITHOUT_TIMES:
        return None
    told = stream.codec_context.framerate
    if told and RATES[0] <= told <= RATES[1]:
        return Fraction(told), False
    return ASSUMED_RATE, True


def deal_out(
    pts: NDArray[np.int64], dts: NDArray[np.int64], step: float | None, made_up: bool
) -> tuple[NDArray[np.int64], float]:
    """Derive increasing presentation times, one per frame in the decoder's output order, from the packets' times.

    Args:
        pts, dts: (packets,) ticks in decoding order, `UNKNOWN` where a packet has none.
        step: ticks per frame if known; otherwise it follows from the packets that have times.
        made_up: whether the presentation times are unreliable.

    Returns:
        Times (packets,) and ticks per frame.
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
    shown = pts[pts != UNKNOWN][:32]  # later ones may be on a clock that restarted
    if len(shown) and not made_up:
        times = times + max(0.0, float(shown.min()) - times[0])
    return np.rint(times).astype(np.int64), step


def _on_steady_pace(anchors: NDArray[np.int64], values: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Move times that lie within `JITTER` steps of a steady pace onto it.

    FFmpeg sometimes gives the time in the header of a program stream's packet to the picture before the right one.
    """
    steady = values.copy()
    for at in range(1, len(anchors)):
        expected = steady[at - 1] + step * (anchors[at] - anchors[at - 1])
        if abs(values[at] - expected) <= JITTER * step:
            steady[at] = expected
    return steady


class Pace:
    """The seconds at which frames begin, for frames in display order of which only some have a time."""

    def __init__(self, begins: NDArray[np.float64], step: float, sparse: bool) -> None:
        """Take the increasing times of `deal_out`, the usual seconds per frame, and whether few frames are timed."""
        self._begins, self._step = begins, step
        self._near = NEAR * step if sparse else 0.0
        self._counting = True
        self._paces: deque[float] = deque(maxlen=MEASURED)
        self._number = -1
        self._timed: tuple[int, float] | None = None
        self._begin = 0.0

    def begin(self, own: float | None) -> float:
        """When the next frame begins, given its own time if it has one.

        The n-th frame begins at the n-th time as long as the frames' own times agree. They no longer do if frames are
        lost, or if two packets make one frame (a field each): from there on, frames follow the last own time, at the
        pace between own times.
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
            pace = median(self._paces) if self._paces else self._step  # the median ignores a single pause
            now = round(then + (self._number - since) * pace, 6)
        if own is not None:
            if self._timed is not None:
                self._paces.append((own - self._timed[1]) / (self._number - self._timed[0]))
            self._timed = self._number, own
        self._begin = max(now, self._begin) if self._number else now
        return self._begin
