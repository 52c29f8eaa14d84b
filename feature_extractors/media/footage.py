"""Find out what an editing program must know about a media file: exact frame rate, frames, time code, sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from cli import UserError
from feature_extractors.media.container import (
    NO_PICTURES,
    Problems,
    decode_packet,
    find_pictures,
    open_media,
    pick_pictures,
    pick_sound,
    read_packets,
)
from feature_extractors.media.probing import measure
from feature_extractors.media.timeline import Timeline, read_timeline
from formats.grid import ClipGrid
from formats.media.footage import TIMECODE, Footage

_WHOLE = (24, 25, 30, 48, 50, 60, 100, 120, 12, 15)
STANDARD = tuple(Fraction(rate) for base in _WHOLE for rate in (Fraction(base), base * Fraction(1000, 1001)))
"""Usual frame rates."""
NEAR = 5e-5
"""A rate that is this near to a usual one, relatively, is meant to be it: 29.97 is 30000/1001."""
ROUNDING = 0.001
"""Seconds to which Matroska and FLV round times."""


def examine_all(folder: Path, files: Mapping[str, Path], causes: Mapping[str, str]) -> Iterator[Footage]:
    """Yield the footage of each video, in the order of `files` and `causes` (`locate_videos`)."""
    for vid, file in files.items():
        try:
            yield examine(folder, vid, file)
        except UserError as problem:
            cause = " ".join(str(problem).removeprefix(f"{file}: ").split())
            yield Footage(vid=vid, file=str(file.relative_to(folder)), seconds=0.0, problem=cause)
    for vid, cause in causes.items():
        yield Footage(vid=vid, file="", seconds=0.0, problem=cause)


def examine(folder: Path, vid: str, file: Path) -> Footage:
    """Read all packets of a media file and decode one frame.

    Raises:
        UserError: not a media file, or one without pictures and sound.
    """
    name = str(file.relative_to(folder))
    with open_media(file) as container:
        pictures, sound = find_pictures(file, container), pick_sound(container)
        channels, hertz = (sound.codec_context.channels, sound.codec_context.sample_rate) if sound else (0, 0)
        timecode = _own_timecode(container)
        timeline = None
        if pictures is not None:
            declared = _declared_rates(pictures)
            timeline = read_timeline(file, container, Problems(), [sound] if sound else [])
    if timeline is None:
        seconds = measure(file, ClipGrid()).seconds
        return Footage(vid=vid, file=name, seconds=seconds, sound_rate=hertz, channels=channels, problem=NO_PICTURES)
    timeline = timeline.counted_from(timeline.start_s)
    rate, problem = find_rate(timeline, declared)
    width, height, aspect = _upright_size(file)
    return Footage(
        vid=vid,
        file=name,
        seconds=round(timeline.end, 6),
        rate=f"{rate.numerator}/{rate.denominator}" if rate else "",
        frames=len(timeline.ticks),
        lead_s=round(timeline.lead, 6),
        width=width,
        height=height,
        pixel_aspect="" if aspect == 1 else f"{aspect.numerator}/{aspect.denominator}",
        sound_rate=hertz,
        channels=channels,
        timecode=timecode,
        problem=problem,
    )


def find_rate(timeline: Timeline, declared: Iterable[Fraction]) -> tuple[Fraction | None, str]:
    """Find the frame rate that fits the time of every frame, else say which frame does not fit the first declared one.

    Args:
        declared: rates that the container declares; the first that fits is taken.
    """
    tolerance = 1.01 * max(float(timeline.time_base), ROUNDING) + 1e-6
    own = [_snap(rate) for rate in declared]
    begins = timeline.begins - timeline.begins[0]
    places = np.arange(len(begins))
    for rate in chain(own, STANDARD):
        late = begins - places / float(rate)
        if late.max() - late.min() <= tolerance:
            return rate, ""
    if not own:
        return None, "variable frame rate"
    late = begins - places / float(own[0])
    wrong = int((abs(late) > tolerance).argmax())
    return None, (
        f"variable frame rate: frame {wrong} is shown {begins[wrong]:.3f} s after the first one, not"
        f" {wrong / float(own[0]):.3f} s as at {float(own[0]):.6g} frames per second"
    )


def _snap(rate: Fraction) -> Fraction:
    near = min(STANDARD, key=lambda usual: abs(usual - rate))
    return near if abs(float(near / rate) - 1) < NEAR else rate


def _declared_rates(stream: VideoStream) -> list[Fraction]:
    rates = (stream.guessed_rate, stream.average_rate, stream.base_rate, stream.codec_context.framerate)
    return list(dict.fromkeys(Fraction(rate) for rate in rates if rate and 1 <= rate <= 1000))


def _own_timecode(container: InputContainer) -> str:
    """Time code of the file; it may be a tag of any stream."""
    tags = (part.metadata.get("timecode", "") for part in (container, *container.streams))
    return next((tag for tag in tags if TIMECODE.fullmatch(tag)), "")


def _upright_size(file: Path) -> tuple[int, int, Fraction]:
    """Width and height of the upright picture in pixels, and width of a pixel by its height; phones store it turned."""
    with open_media(file) as container:
        stream, problems = pick_pictures(file, container), Problems()
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        if not Fraction(1, 10) <= aspect <= 10:
            aspect = Fraction(1)
        for packet in read_packets(container, [stream], problems):
            for frame in decode_packet(packet, problems):
                if round(frame.rotation) % 180:
                    return frame.height, frame.width, 1 / aspect
                return frame.width, frame.height, aspect
        return stream.codec_context.width, stream.codec_context.height, aspect
