"""Read from a file's packets when its pictures are shown, without decoding anything."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.stream import Stream
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.media.container import Problems, pick_pictures, read_packets
from feature_extractors.media.random_access import (
    DROPS_UNREFERENCED,
    has_sublayers,
    is_hidden,
    length_size_of,
    starts_afresh,
    state_in,
)
from feature_extractors.media.untimed import UNKNOWN, deal_out, orders_by_coding, rate_of_bare

LATE_S = 1.0
"""If the picture starts at least this long after the sound, second 0 is the start of the sound, from which players
count; otherwise it is the start of the picture. Codecs, multiplexers and receivers offset the two by up to half a
second. An offset below half of the 2 s to which public labels are rounded leaves most of a labelled clip in the clip
here."""
LEAD_IN_S = 0.1
"""Sound that begins this close to second 0 of the file's clock counts as beginning there: the rest is codec lead-in."""
STATE_BESIDE = ("palette", "new_extradata", "param_change")
"""Side data of packets that decoders keep for all later packets."""
GOES_BACK_S = 0.5
"""A smaller step back is only the order of B-frames, written by a program that counts wrongly."""


@dataclass(frozen=True)
class Timeline:
    """The video packets of a file and the times that they stand for.

    Attributes:
        pts: (packets,) int64 presentation ticks in decoding order.
        shown: (packets,) bool, False for packets that show nothing (cut by an edit list, hidden).
        clean: (packets,) bool, True where decoding can start.
        ticks: (frames,) int64, increasing ticks of the frames in display order.
        begins: (frames,) float64, increasing seconds from second 0.
        lead: seconds from second 0 to the first frame; 0 unless `counted_from` another moment.
        end: seconds; when the last frame is no longer shown.
        time_base: seconds per tick.
        timed: whether all packets tell when their frames are shown. If not, the increasing times are assigned to frames
            as they are decoded, and a frame's own time counts if it has one.
        step: seconds per frame, if not all packets are timed.
        sparse: whether most packets are not timed.
        made_up: whether the frames' own times are unreliable.
        exact: whether each packet has a time of its own, so that each frame's packet is known.
        drops_unreferenced: whether the decoder can skip non-reference pictures exactly.
        others_start: seconds; when the first packet of the other streams that were read begins.
        others_end: seconds; when the last packet of the other streams that were read ends.
        note: what is assumed about the times; empty if nothing is.
    """

    pts: NDArray[np.int64]
    shown: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    ticks: NDArray[np.int64]
    begins: NDArray[np.float64]
    lead: float
    end: float
    time_base: Fraction
    timed: bool
    step: float
    sparse: bool
    made_up: bool
    exact: bool
    drops_unreferenced: bool
    others_start: float
    others_end: float
    note: str

    @property
    def first_s(self) -> float:
        """When the first frame is shown, in seconds on the file's own clock."""
        return float(int(self.ticks[0]) * self.time_base)

    @property
    def start_s(self) -> float:
        """Second 0 on the file's own clock, as players have it: see `LATE_S`."""
        sound = self.first_s + self.others_start - self.lead
        sound = 0.0 if abs(sound) < LEAD_IN_S else sound
        # Sound that ends before the first picture is on a different clock.
        late = self.first_s - sound >= LATE_S and self.others_end > self.lead
        return sound if late else self.first_s

    def counted_from(self, start_s: float) -> Timeline:
        """The same timeline with second 0 at another moment of the file's own clock."""
        lead = self.first_s - start_s
        more = lead - self.lead
        if not more:
            return self
        return replace(
            self,
            # Computed from the ticks again, not added to values that were already rounded.
            begins=(self.ticks - self.ticks[0]) * self.time_base.numerator / self.time_base.denominator + lead,
            lead=lead,
            end=self.end + more,
            others_start=self.others_start + more,
            others_end=self.others_end + more,
        )

    def frames_shown(self, times: Sequence[float]) -> NDArray[np.int64]:
        """The frame shown at each of the times: the last one that has begun."""
        return np.maximum(np.searchsorted(self.begins, np.asarray(times), side="right") - 1, 0)


def read_timeline(file: Path, container: InputContainer, problems: Problems, others: Sequence[Stream] = ()) -> Timeline:
    """Read all packets of the video stream, and how long the `others` last.

    Raises:
        UserError: there is no video stream, or it has no frames.
    """
    stream = pick_pictures(file, container)
    codec = stream.codec_context.codec.canonical_name
    length_size = length_size_of(codec, stream.codec_context.extradata)
    times, coded, shown, clean = array("q"), array("q"), bytearray(), bytearray()
    bare, made_up = rate_of_bare(container, stream), orders_by_coding(container, stream)
    timed = not made_up
    droppable, changes, state = codec in DROPS_UNREFERENCED, False, 0
    others_start, others_end = None, float("-inf")
    restarts, last_dts = array("q"), None
    last_end, length, time_base = 0, 0, stream.time_base or Fraction(1, 1)
    back = round(GOES_BACK_S / float(time_base))
    for packet in read_packets(container, [stream, *others], problems):
        if not packet.size:  # the empty packets with which PyAV flushes decoders
            continue
        if packet.stream_index != stream.index:
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks is not None and not packet.is_discard:
                if others_start is None:  # not the minimum, because a clock may restart
                    others_start = float(ticks * packet.time_base)
                others_end = max(others_end, float((ticks + (packet.duration or 0)) * packet.time_base))
            continue
        timed = timed and packet.pts is not None
        if packet.dts is not None:
            # FFmpeg makes up decoding times in Matroska, wrongly if it opened the file without seeing a picture.
            if last_dts is not None and packet.dts < last_dts - back:
                restarts.append(len(times))
            last_dts = packet.dts
        data = memoryview(packet)
        visible = not packet.is_discard and not is_hidden(codec, data)
        times.append(UNKNOWN if packet.pts is None else packet.pts)
        coded.append(UNKNOWN if packet.dts is None else packet.dts)
        shown.append(visible)
        carried = state_in(codec, data, length_size)
        state |= carried
        clean.append(carried == state and starts_afresh(codec, packet.is_keyframe, data, length_size))
        if codec == "hevc" and droppable:
            droppable = not has_sublayers(data, length_size)
        # Later packets need the state in such a packet, even if its picture is not wanted.
        changes = changes or any(packet.has_sidedata(kind) for kind in STATE_BESIDE)
        length = length or packet.duration or 0
        if visible and packet.pts is not None:
            last_end = max(last_end if len(times) > 1 else packet.pts, packet.pts + (packet.duration or 0))
    pts, step = np.frombuffer(times, np.int64), 0.0
    untold = int((pts == UNKNOWN).sum())
    if not timed and len(pts):
        a_frame = float(1 / bare[0] / time_base) if bare else float(length)
        pts, step = deal_out(pts, np.frombuffer(coded, np.int64), a_frame, made_up)
        last_end = round(int(pts.max()) + step)
    told_twice, visible_mask = _left_out(pts, np.frombuffer(shown, np.bool_), restarts, back)
    in_view = pts[visible_mask]
    ticks = np.unique(in_view)
    if not len(ticks):
        raise UserError(f"{file}: no video frames")
    if told_twice * float(time_base) >= GOES_BACK_S:
        problems.add(f"timestamps go back: {told_twice * float(time_base):.1f} s of video left out")
    scale, per = time_base.numerator, time_base.denominator
    begins = (ticks - ticks[0]) * scale / per
    # A file cut without re-encoding holds packets from before its beginning, which are never shown.
    end = max(last_end, int(ticks[-1])) - int(ticks[0])
    return Timeline(
        pts=pts,
        shown=visible_mask,
        clean=np.frombuffer(clean, np.bool_) & (not changes),
        ticks=ticks,
        begins=begins,
        lead=0.0,
        end=end * scale / per,
        time_base=time_base,
        timed=timed,
        step=step * scale / per,
        sparse=2 * untold > len(pts),
        made_up=made_up,
        exact=timed and len(ticks) == len(in_view),
        drops_unreferenced=droppable and not changes,
        others_start=math.inf if others_start is None else others_start - float(int(ticks[0]) * time_base),
        others_end=others_end - float(int(ticks[0]) * time_base),
        note=f"no frame rate in the stream: {float(bare[0]):g} frames per second assumed" if bare and bare[1] else "",
    )


def _left_out(
    pts: NDArray[np.int64], shown: NDArray[np.bool_], restarts: Sequence[int], least: int
) -> tuple[int, NDArray[np.bool_]]:
    """Decide which packets are shown if a clock goes back between joined recordings: the first recording counts.

    Second 0 is the start of the first recording if that lasts for `least` ticks. Pictures on a clock that restarts
    lower would lie before it and are not shown: otherwise the grid would begin with all the time between the clocks.

    Returns:
        The ticks that are covered again or lie before second 0, and which packets are shown.
    """
    again, kept = 0, shown.copy()
    lowest = highest = None
    for begin, end in pairwise([0, *restarts, len(pts)]):
        after = pts[begin:end][shown[begin:end]]
        if not len(after):
            continue
        low, high = int(after.min()), int(after.max())
        if lowest is None or highest is None:
            lowest, highest = low, high
            continue
        again += int((after <= highest).sum())
        if highest - lowest >= least and low < lowest - least:
            kept[begin:end] &= pts[begin:end] >= lowest
            low = lowest
        lowest, highest = min(lowest, low), max(highest, high)
    step = float(np.median(np.diff(np.unique(pts[shown])))) if again else 0.0
    return round(again * step), kept
