"""Copy the pictures of a reel instead of encoding them anew, where its cuts lie between groups of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from av_highlights.reel.plan import Part, Plan
from av_highlights.reel.source import Source, Sources
from cli import UserError
from feature_extractors.media.container import Problems, open_media, pick_pictures
from feature_extractors.media.frames import packets_from
from feature_extractors.media.timeline import Timeline

CONTAINERS = {"mp4", "matroska"}
"""Formats whose H.264 goes into MP4 as it is."""


@dataclass(frozen=True)
class Copy:
    """What is copied of the one file of a reel.

    Attributes:
        source: the video.
        packets: of each part, the first of its packets in the file and the one after the last.
        ticks: of each part, the times of its packets on the file's clock, in the order of the file.
    """

    source: Source
    packets: tuple[tuple[int, int], ...]
    ticks: tuple[NDArray[np.int64], ...]

    @property
    def delay(self) -> int:
        """Ticks by which decoding runs ahead, so that every picture is decoded before it is shown."""
        return max(int((np.sort(ticks) - ticks).max()) for ticks in self.ticks)


def find_copy(plan: Plan, sources: Sources) -> Copy | None:
    """What can be copied so that the reel is the same to the frame; None if it must be encoded.

    All parts must be of one H.264 file of the reel's rate and size. Each must begin with a picture with which decoding
    can start and before which no later one is shown, and end before such a picture or with the file.
    """
    (footage, *others) = {part.cut.footage.vid: part.cut.footage for part in plan.parts}.values()
    if others or plan.fade or footage.exact_rate() != plan.rate or footage.shown_size() != plan.size:
        return None
    source = sources.of(footage.file)
    timeline = source.timeline
    with open_media(source.file) as container:
        stream = pick_pictures(source.file, container)
        context = stream.codec_context
        # A turned picture has other numbers here: its width is stored as its height.
        fits = context.name == "h264" and context.pix_fmt == "yuv420p" and (stream.width, stream.height) == plan.size
        if not fits or not CONTAINERS & set(container.format.name.split(",")):
            return None
    if not timeline.exact:
        return None
    found = [_packets_of(part, timeline) for part in plan.parts]
    packets = tuple(pair for pair in found if pair is not None)
    if len(packets) < len(found):
        return None
    return Copy(source, packets, tuple(timeline.pts[first:stop] for first, stop in packets))


def _packets_of(part: Part, timeline: Timeline) -> tuple[int, int] | None:
    first, stop = part.cut.frames()
    begin = _clean_start(first, timeline)
    end = len(timeline.pts) if stop == len(timeline.ticks) else _clean_start(stop, timeline)
    if begin is None or end is None or end - begin != part.frames or not timeline.shown[begin:end].all():
        return None
    return begin, end


def _clean_start(frame: int, timeline: Timeline) -> int | None:
    """The packet of a frame, if decoding can start there and nothing later is shown before it."""
    place = int(np.flatnonzero(timeline.pts == timeline.ticks[frame])[0])
    clean = bool(timeline.clean[place]) and int(timeline.pts[place:].min()) == int(timeline.pts[place])
    # Nothing earlier in the file may be shown after it either.
    return place if clean and (not place or int(timeline.pts[:place].max()) < int(timeline.pts[place])) else None


def copy_packets(copy: Copy, plan: Plan, target: Any) -> Iterator[list[Any]]:
    """Yield the packets of each part, moved to their place in the reel, for a stream made of the file's as template.

    Times stay in the file's time base, in which the frames of a reel of the same rate lie as those of the file.
    """
    at = 0
    for place, part in enumerate(plan.parts):
        moved = _read_group(copy, *copy.packets[place])
        # Times of decoding are made anew: FFmpeg makes up those of Matroska, and others from the middle of a file.
        in_order = np.sort(copy.ticks[place])
        for packet, decoded in zip(moved, in_order.tolist(), strict=True):
            offset = round(at / plan.rate / packet.time_base) - int(in_order[0])
            packet.pts += offset
            packet.dts = decoded - copy.delay + offset
            packet.stream = target
        yield moved
        at += part.frames


def _read_group(copy: Copy, begin: int, end: int) -> list[Any]:
    """The packets `begin` to `end` - 1 of the video: by the file's index, or if that does not lead there, from 0 on."""
    for first in (begin, 0):
        found: list[Any] = []
        with open_media(copy.source.file) as container:
            stream = pick_pictures(copy.source.file, container)
            for number, packet in packets_from(container, stream, copy.source.timeline, first, Problems()):
                if number >= begin:
                    found.append(packet)
                if number + 1 == end:
                    return found
    raise UserError(f"{copy.source.file}: cannot be read to the end of a moment")
