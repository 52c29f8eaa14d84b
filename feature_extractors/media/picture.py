"""Convert decoded frames to upright RGB pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from feature_extractors.media.container import Problems

QUARTERS = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
"""Display matrices of quarter turns, counter-clockwise."""


MATRICES = {0, 1, 2, 4, 5, 6, 7, 9}
"""Colour matrices (ITU-T H.273) that FFmpeg 8 can convert; others make it fail."""
OTHER_MATRICES = {3: "reserved", 8: "YCgCo", 10: "BT.2020 with constant luminance", 14: "ICtCp"}
RANGES = {0, 1, 2}
UNSPECIFIED = 2
"""FFmpeg takes an unspecified matrix for BT.601."""


@dataclass(frozen=True)
class Shown:
    """A decoded frame and when it is shown.

    Attributes:
        frame: the frame.
        begin: seconds from the first frame of the file.
        end: seconds; when the next frame follows, or its own duration ends.
        before, after: its neighbours, needed if it is interlaced; None at the ends.
    """

    frame: VideoFrame
    begin: float
    end: float
    before: VideoFrame | None = None
    after: VideoFrame | None = None

    def picture(self, problems: Problems | None = None) -> NDArray[np.uint8]:
        """Convert the frame to upright (height, width, 3) RGB, deinterlaced if it is marked as interlaced.

        Pixels are as stored: neither anamorphic pictures nor high dynamic range are corrected. Colours that FFmpeg
        cannot convert are taken for BT.601, which is added to `problems`.
        """
        frame = self.frame
        for one in (self.before, frame, self.after):
            cause = make_convertible(one) if one is not None else ""
            if cause and problems is not None:
                problems.add(cause)
        if frame.interlaced_frame:
            frame = _deinterlace([self.before, frame, self.after])
        picture: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")  # type: ignore[assignment]
        return _upright(picture, display_matrix(self.frame))


def make_convertible(frame: VideoFrame) -> str:
    """Remove a frame's colour tags that FFmpeg cannot convert.

    Returns:
        A description of the removed tags; empty if FFmpeg can convert the frame, and for RGB, which needs no matrix.
    """
    matrix, extent = int(frame.colorspace), int(frame.color_range)
    said = []
    if matrix not in MATRICES:
        frame.colorspace = UNSPECIFIED
        if not frame.format.is_rgb:
            said.append(f"matrix {OTHER_MATRICES.get(matrix, matrix)}")
    if extent not in RANGES:
        frame.color_range = 0
        said.append(f"range {extent}")
    return f"colours tagged with {' and '.join(said)}: taken for BT.601" if said else ""


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Read (a, b, c, d) of the display matrix: pixel (x, y) is shown at (a x + c y, b x + d y), with y downwards."""
    try:
        # Not `frame.side_data`, which the frame keeps: the two then refer to each other, and only a search for garbage
        # frees the frame, gigabytes later.
        data: Any = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]  # not in its stub
    except ValueError:
        # PyAV 18 does not know all kinds of its FFmpeg's side data (EXIF, in Motion JPEG) and then returns none; only
        # the angle is available, counter-clockwise in degrees.
        return QUARTERS[round(frame.rotation / 90) % 4]
    if data is None:
        return 1, 0, 0, 1
    values = np.frombuffer(data, np.int32)
    return int(values[0]), int(values[1]), int(values[3]), int(values[4])


def _upright(picture: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Apply the matrix's quarter turn and mirroring, as players do; other angles are rounded to a quarter turn."""
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture = picture.transpose(1, 0, 2)
        across, down = c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def _deinterlace(around: Sequence[VideoFrame | None]) -> VideoFrame:
    """Deinterlace the middle one of three frames with FFmpeg's bwdif: as at its first field, at full height.

    The filter looks one frame back and one ahead, so three frames give the same result as the whole video.
    """
    middle = around[1]
    assert middle is not None
    frames = [frame for frame in around if frame is not None and _alike(frame, middle)]
    graph = Graph()
    base = Fraction(1, 1000)
    source = graph.add_buffer(width=middle.width, height=middle.height, format=middle.format, time_base=base)
    deinterlace = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    sink = graph.add("buffersink")
    source.link_to(deinterlace)
    deinterlace.link_to(sink)
    graph.configure()
    place = next(index for index, frame in enumerate(frames) if frame is middle)
    made: list[VideoFrame] = []
    for number, frame in enumerate([*frames, None]):
        if frame is not None:
            times = frame.pts, frame.time_base
            frame.pts, frame.time_base = number * 40, base
            graph.push(frame)
            frame.pts, frame.time_base = times
        else:
            graph.push(None)
        while True:
            try:
                made.append(graph.pull())  # type: ignore[arg-type]
            except (av.BlockingIOError, av.EOFError):
                break
    return made[place]


def _alike(frame: VideoFrame, other: VideoFrame) -> bool:
    return (frame.width, frame.height, frame.format.name) == (other.width, other.height, other.format.name)
