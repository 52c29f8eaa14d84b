"""Decode the frames shown at given times, exact by presentation timestamps, and no more frames than needed.

The packets show which frames are wanted before anything is decoded (`timeline`). Stretches from the last wanted frame
to the next point where decoding can start are skipped, and unwanted frames that nothing refers to are dropped. If a
file does not allow this (no timestamps, damage, interlaced pictures, which need their neighbours), every frame is
decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.media.container import (
    Problems,
    decode_packet,
    file_of,
    open_media,
    pick_pictures,
    read_packets,
)
from feature_extractors.media.faults import raise_if_of_machine
from feature_extractors.media.picture import Shown
from feature_extractors.media.timeline import Timeline, read_timeline
from feature_extractors.media.untimed import Pace

Picture = NDArray[np.uint8]


def frames_of_clips(
    file: Path,
    n_clips: int,
    seconds: float,
    per_clip: int = 1,
    problems: Problems | None = None,
    start_s: float | None = None,
) -> Iterator[tuple[int, Picture]]:
    """Yield (clip, picture) for `per_clip` frames spread evenly over each clip; one frame is that at the clip's centre.

    A clip during which no picture is shown yields nothing: the last frame that can be decoded is held for the rest of
    its clip, never for later clips.

    Args:
        file: the video.
        n_clips: number of clips on the grid.
        seconds: length of a clip.
        per_clip: frames per clip.
        problems: collects what is wrong with the file.
        start_s: second 0 of the grid on the file's own clock (default: when the first picture is shown).
    """
    times = [(clip + (place + 0.5) / per_clip) * seconds for clip in range(n_clips) for place in range(per_clip)]
    problems = Problems() if problems is None else problems
    last: tuple[Shown, Picture] | None = None
    missing = 0
    for number, shown in enumerate(_shown_at(file, times, problems, start_s)):
        clip = number // per_clip
        if shown.begin >= (clip + 1) * seconds or shown.end <= clip * seconds:
            missing += 1
            continue
        if last is None or last[0] is not shown:
            last = shown, shown.picture(problems)
        yield clip, last[1]
    if missing:
        problems.add(f"no picture in {missing // per_clip} of {n_clips} clips")


def frames_of_parts(
    file: Path, count: int, seconds: float, problems: Problems, start_s: float
) -> Iterator[tuple[int, Picture]]:
    """Yield (part, picture) for each of `count` parts of `seconds`: a frame that is cheap to decode.

    That is the key frame nearest to the middle of the part, of those in its middle half, else the frame at the middle.
    A part during which no picture is shown yields nothing. `start_s` is as in `frames_of_clips`.
    """
    with open_media(file) as container:
        timeline = read_timeline(file, container, problems).counted_from(start_s)
    middles = (np.arange(count) + 0.5) * seconds
    if timeline.exact:
        ticks = np.sort(timeline.pts[timeline.clean & timeline.shown])
        keys = (ticks - timeline.ticks[0]) * float(timeline.time_base) + timeline.lead
        if len(keys):
            after = np.searchsorted(keys, middles).clip(1, max(len(keys) - 1, 1))
            before, after = keys[after - 1], keys[np.minimum(after, len(keys) - 1)]
            nearest = np.where(np.abs(before - middles) <= np.abs(after - middles), before, after)
            # A thousandth of a second later, so that rounding does not give the frame before it.
            middles = np.where(np.abs(nearest - middles) < seconds / 4, nearest + 0.001, middles)
    last: tuple[Shown, Picture] | None = None
    for part, shown in enumerate(_shown_on(file, timeline, middles.tolist(), problems)):
        if shown.begin >= (part + 1) * seconds or shown.end <= part * seconds:
            continue
        if last is None or last[0] is not shown:
            last = shown, shown.picture(problems)
        yield part, last[1]


def frames_at(file: Path, times: Sequence[float], timeline: Timeline | None = None) -> Iterator[Picture]:
    """Yield the frame shown at each of the increasing `times`, upright, as (height, width, 3) RGB.

    The frame shown at t is the last one with a timestamp of at most t; the last frame stays in view.

    Args:
        file: the video.
        times: seconds from the first picture on.
        timeline: that of the file, if it was read before. Then only the packets around the times are read.
    """
    last: tuple[Shown, Picture] | None = None
    problems = Problems()
    if timeline is None:
        found = _shown_at(file, times, problems)
    else:
        found = _shown_on(file, timeline, times, problems, near=True)
    for shown in found:
        if last is None or last[0] is not shown:
            last = shown, shown.picture()
        yield last[1]


def _shown_at(file: Path, times: Sequence[float], problems: Problems, start_s: float | None = None) -> Iterator[Shown]:
    if not times:
        return
    with open_media(file) as container:
        timeline = read_timeline(file, container, problems)
    if start_s is not None:
        timeline = timeline.counted_from(start_s)
    yield from _shown_on(file, timeline, times, problems)


def _shown_on(
    file: Path, timeline: Timeline, times: Sequence[float], problems: Problems, near: bool = False
) -> Iterator[Shown]:
    """Yield what is shown at the times. `near`: go to the first of them, if the file's index leads there."""
    done = 0
    for there in ((True, False) if near else (False,)) if timeline.exact else ():
        if done < len(times):
            for shown in _decode_wanted(file, timeline, timeline.frames_shown(times[done:]), there):
                yield shown
                done += 1
    if done < len(times):
        yield from _decode_all(file, timeline, times[done:], problems)


@dataclass(frozen=True)
class _Plan:
    """What to do with each packet: whether it is sent to the decoder, and whether its own frame is wanted."""

    needed: NDArray[np.bool_]
    wanted: NDArray[np.bool_]


def _plan(timeline: Timeline, ticks: NDArray[np.int64]) -> _Plan:
    wanted = np.isin(timeline.pts, ticks) & timeline.shown
    starts = np.flatnonzero(timeline.clean)
    needed = np.zeros(len(wanted), np.bool_)
    for packet in np.flatnonzero(wanted).tolist():
        at = int(np.searchsorted(starts, packet, side="right")) - 1
        # A picture shown before the starting point that precedes it in the file depends on earlier packets.
        while at >= 0 and timeline.pts[starts[at]] > timeline.pts[packet]:
            at -= 1
        needed[(starts[at] if at >= 0 else 0) : packet + 1] = True
    return _Plan(needed, wanted)


def _decode_wanted(file: Path, timeline: Timeline, frames: NDArray[np.int64], near: bool) -> Iterator[Shown]:
    """Yield the given frames, by number in display order, until one does not decode as expected."""
    plan = _plan(timeline, timeline.ticks[np.unique(frames)])
    waiting = frames.tolist()[::-1]
    problems = Problems()
    with open_media(file) as container:
        for frame in _planned_frames(file, container, plan, timeline, near, problems):
            if str(problems) or frame.is_corrupt or frame.interlaced_frame:
                return
            expected = waiting[-1]
            if frame.pts != timeline.ticks[expected]:
                if frame.pts is not None and frame.pts > timeline.ticks[expected]:
                    return
                continue
            end = timeline.begins[expected + 1] if expected + 1 < len(timeline.begins) else timeline.end
            shown = Shown(frame, float(timeline.begins[expected]), float(end))
            while waiting and waiting[-1] == expected:
                yield shown
                waiting.pop()
            if not waiting:
                return


def _planned_frames(
    file: Path, container: InputContainer, plan: _Plan, timeline: Timeline, near: bool, problems: Problems
) -> Iterator[VideoFrame]:
    stream = _prepare(file, container)
    context = stream.codec_context
    first, last = np.flatnonzero(plan.needed)[[0, -1]].tolist()
    needed, wanted = plan.needed.tolist(), plan.wanted.tolist()
    dropping = False
    for number, packet in packets_from(container, stream, timeline, first if near else 0, problems):
        if number > last:
            break
        if not needed[number]:
            continue
        if timeline.drops_unreferenced and dropping == wanted[number]:
            dropping = not wanted[number]
            context.skip_frame = "NONREF" if dropping else "DEFAULT"
        yield from decode_packet(packet, problems)
    try:
        rest = context.decode(None)
    except av.FFmpegError as problem:  # if no packet had content, the decoder opens only now, and may not
        raise_if_of_machine(problem, file_of(container))
        return
    yield from rest


def packets_from(
    container: InputContainer, stream: VideoStream, timeline: Timeline, first: int, problems: Problems
) -> Iterator[tuple[int, Packet]]:
    """Yield (number, packet) of a stream with an exact timeline, from packet `first` on or earlier.

    The file's index leads to `first`. If it leads behind it, or to other packets than those of the timeline, the
    packets end there: they must be read from packet 0 on, which is read without the index.
    """
    packets = (packet for packet in read_packets(container, [stream], problems) if packet.size)
    if not first:
        yield from enumerate(packets)
        return
    try:
        container.seek(int(timeline.pts[first]), stream=stream)
    except av.FFmpegError:  # the format cannot seek
        return
    number: int | None = None
    for packet in packets:
        if number is None:
            before = np.flatnonzero(timeline.pts[: first + 1] == packet.pts)
            if not len(before):
                return
            number = int(before[-1])
        if number >= len(timeline.pts) or packet.pts != timeline.pts[number]:
            return
        yield number, packet
        number += 1


def _decode_all(file: Path, timeline: Timeline, times: Sequence[float], problems: Problems) -> Iterator[Shown]:
    """Yield the frames shown at the times by decoding every frame, as a player does."""
    wanted = iter(times)
    time = next(wanted, None)
    before = shown = None
    begin = 0.0
    with open_media(file) as container:
        for after, following in _all_frames(file, container, timeline, problems):
            # Ticks are subtracted, not seconds: at the exact time of a frame, rounding could give the frame before it.
            if shown is not None:
                now = Shown(shown, begin, following, before, after)
                while time is not None and following > time:
                    yield now
                    time = next(wanted, None)
            if time is None:
                return
            before, shown, begin = shown, after, following
        if shown is None:
            raise UserError(f"{file}: no video frame can be decoded")
        length = float((shown.duration or 0) * shown.time_base) if shown.time_base else 0.0
        at = int(timeline.frames_shown([begin])[0])
        last = at + 1 == len(timeline.begins)
        now = Shown(shown, begin, timeline.end if last else begin + length, before)
        while time is not None:
            yield now
            time = next(wanted, None)


def _all_frames(
    file: Path, container: InputContainer, timeline: Timeline, problems: Problems
) -> Iterator[tuple[VideoFrame, float]]:
    """Yield every frame with the second at which it begins."""
    stream = _prepare(file, container)
    pace = Pace(timeline.begins, timeline.step, timeline.sparse)
    for packet in read_packets(container, [stream], problems):
        for frame in decode_packet(packet, problems):
            if frame.is_corrupt:
                problems.add("damaged video: parts of pictures are guessed")
            own = None
            if not timeline.made_up and frame.pts is not None and frame.time_base is not None:
                own = float((frame.pts - int(timeline.ticks[0])) * frame.time_base) + timeline.lead
            if not timeline.timed:
                yield frame, pace.begin(own)
            elif own is not None:
                yield frame, own


def _prepare(file: Path, container: InputContainer) -> VideoStream:
    stream = pick_pictures(file, container)
    # Decoders handle damaged pictures differently with more threads: always use one, whatever the machine.
    stream.thread_count = 1
    return stream
