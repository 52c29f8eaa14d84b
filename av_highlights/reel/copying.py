"""Copy the pictures of a reel instead of encoding them anew, where its cuts lie between groups of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from av_highlights.reel.plan import Part, Plan
from feature_extractors.media.container import Problems, open_media, pick_pictures, read_packets
from feature_extractors.media.timeline import Timeline, read_timeline

CONTAINERS = {"mp4", "matroska"}
"""Formats whose H.264 goes into MP4 as it is."""


@dataclass(frozen=True)
class Copy:
    """What is copied of the one file of a reel.

    Attributes:
        file: the video.
        packets: of each part, the first of its packets in the file and the one after the last.
        first_ticks: of each part, the time of its first picture on the file's clock.
    """

    file: Path
    packets: tuple[tuple[int, int], ...]
    first_ticks: tuple[int, ...]


def find_copy(plan: Plan, folder: Path) -> Copy | None:
    """What can be copied so that the reel is the same to the frame; None if it must be encoded.

    All parts must be of one H.264 file of the reel's rate and size. Each must begin with a picture with which decoding
    can start and before which no later one is shown, and end before such a picture or with the file.
    """
    sources = {part.cut.footage.vid: part.cut.footage for part in plan.parts}
    (source, *others) = sources.values()
    if others or plan.fade or source.exact_rate() != plan.rate or source.shown_size() != plan.size:
        return None
    file = folder / source.file
    with open_media(file) as container:
        stream = pick_pictures(file, container)
        context = stream.codec_context
        # A turned picture has other numbers here: its width is stored as its height.
        fits = context.name == "h264" and context.pix_fmt == "yuv420p" and (stream.width, stream.height) == plan.size
        if not fits or not CONTAINERS & set(container.format.name.split(",")):
            return None
        timeline = read_timeline(file, container, Problems())
    if not timeline.exact:
        return None
    found = [_packets_of(part, timeline) for part in plan.parts]
    packets = tuple(pair for pair in found if pair is not None)
    if len(packets) < len(found):
        return None
    return Copy(file, packets, tuple(int(timeline.pts[first]) for first, _ in packets))


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
        begin, end = copy.packets[place]
        with open_media(copy.file) as container:
            stream = pick_pictures(copy.file, container)
            moved: list[Any] = []
            number = 0
            for packet in read_packets(container, [stream], Problems()):
                if not packet.size:
                    continue
                if begin <= number < end:
                    offset = round(at / plan.rate / packet.time_base) - copy.first_ticks[place]
                    packet.pts += offset
                    if packet.dts is not None:
                        packet.dts += offset
                    packet.stream = target
                    moved.append(packet)
                number += 1
                if number >= end:
                    break
        yield moved
        at += part.frames
