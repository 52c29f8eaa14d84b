"""The facts of a media file, from its packets and one decoded frame: for `doctor`, which inspects files of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.media.container import (
    Problems,
    file_of,
    find_pictures,
    open_media,
    pick_sound,
    read_packets,
)
from feature_extractors.media.faults import raise_if_of_machine
from feature_extractors.media.picture import display_matrix, make_convertible
from feature_extractors.media.probing import measure
from feature_extractors.media.sound import UNDECODABLE
from feature_extractors.media.timeline import Timeline, read_timeline
from feature_extractors.video_files import NO_MEDIA
from formats.grid import ClipGrid

SEVERAL = 1.1
"""Frames are uneven if a step between two is this many times longer or shorter than the usual one, and differs by more
than the millisecond to which some containers round."""


@dataclass(frozen=True)
class SoundFacts:
    """One audio stream: codec, Hz, channels, first and last moment in seconds from second 0 of the clip grid."""

    codec: str
    rate: int
    channels: int
    start: float
    end: float


@dataclass(frozen=True)
class PictureFacts:
    """The video stream in use.

    Attributes:
        lead: seconds from second 0 of the clip grid to the first video frame.
        frames: video packets that are shown.
        fps: average frames per second.
        steps: shortest and longest step between two frames, seconds.
        uneven: whether the steps differ by more than rounding.
        rotation: degrees counter-clockwise to turn a picture upright.
        mirrored: whether left and right must be swapped as well.
        notes: what was assumed about times and colours.
    """

    lead: float
    frames: int
    fps: float
    steps: tuple[float, float]
    uneven: bool
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    mirrored: bool
    interlaced: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class MediaFacts:
    """A media file.

    Attributes:
        container: FFmpeg's name of the format.
        duration: seconds from second 0 of the clip grid to the end of the last video packet; without pictures, of the
            last audio packet.
        start: second 0 on the file's own clock.
        pictures: None if the file holds sound alone.
        sound: the audio stream in use; None if there is none, or it is empty.
        sounds: audio streams with packets.
        silent_streams: number of audio streams without packets.
        undecodable: video frames and audio packets that did not decode; -1 if only one frame was decoded.
    """

    container: str
    duration: float
    start: float
    pictures: PictureFacts | None
    sound: SoundFacts | None
    sounds: tuple[SoundFacts, ...]
    silent_streams: int
    undecodable: int


class NoVideo(Exception):
    """A file holds no video; the message says what it is instead."""


def inspect_media(file: Path, decode: bool = False) -> MediaFacts:
    """Read all packets of a file, and decode one frame or, with `decode`, everything.

    Args:
        file: the video.
        decode: whether to decode everything.

    Raises:
        NoVideo: empty, not a media file, a picture, without a stream of video or sound, or without a frame of it.
    """
    try:
        with open_media(file) as container:
            timeline, sound = None, pick_sound(container)
            if find_pictures(file, container) is not None:
                timeline = read_timeline(file, container, Problems(), [sound] if sound else [])
                timeline = timeline.counted_from(timeline.start_s)
                start, duration = timeline.start_s, timeline.end
        if timeline is None:
            length = measure(file, ClipGrid())
            start, duration = length.start_s, length.seconds
        with open_media(file) as container:
            return _inspect(container, file, decode, timeline, start, duration)
    except UserError as problem:
        raise NoVideo(str(problem).removeprefix(f"{file}: ")) from None


def _inspect(
    container: InputContainer, file: Path, decode: bool, timeline: Timeline | None, start: float, duration: float
) -> MediaFacts:
    name = container.format.name
    if NO_MEDIA.fullmatch(file.suffix):
        raise NoVideo(f"not a video but {name}")
    stream, used = find_pictures(file, container), pick_sound(container)
    tracks = [track for track in container.streams.audio if track.codec_context is not None]
    spans: dict[int, list[tuple[float, float]]] = {one.index: [] for one in tracks}
    shown = stream if stream is not None else used  # the stream of which one frame is decoded at least
    picture: Any = None
    undecodable, decoded, packets = 0, 0, 0
    # `probe` reports the damage that packets show.
    for packet in read_packets(container, [*([stream] if stream is not None else []), *tracks], Problems()):
        of_shown = shown is not None and packet.stream.index == shown.index
        ticks = packet.pts if packet.pts is not None else packet.dts
        if packet.size and packet.time_base is not None and not packet.is_discard:
            if of_shown:
                packets += 1
            if packet.stream.index in spans:
                of_stream = spans[packet.stream.index]
                begin = float(ticks * packet.time_base) if ticks is not None else of_stream[-1][1] if of_stream else 0.0
                of_stream.append((begin, begin + float((packet.duration or 0) * packet.time_base)))
        if decode or (picture is None and of_shown):
            try:
                frames = packet.decode()
            except av.FFmpegError as problem:
                raise_if_of_machine(problem, file_of(container))
                undecodable += 1
                continue
            if of_shown:
                decoded += len(frames)
                picture = frames[0] if picture is None and frames else picture
    if picture is None:
        raise NoVideo("no video frame can be decoded" if stream is not None else UNDECODABLE)
    sounds = {
        sound.index: SoundFacts(
            codec=str(sound.codec_context.name),
            rate=int(sound.codec_context.sample_rate),
            channels=int(sound.codec_context.channels),
            start=min(first for first, _ in spans[sound.index]) - start,
            end=max(last for _, last in spans[sound.index]) - start,
        )
        for sound in tracks
        if spans[sound.index]
    }
    if decode and stream is not None:  # many decoders drop a damaged frame silently
        undecodable = max(undecodable, packets - decoded)
    return MediaFacts(
        container=name,
        duration=duration,
        start=start,
        pictures=_describe(stream, picture, timeline) if stream is not None and timeline is not None else None,
        sound=sounds.get(used.index) if used is not None else None,
        sounds=tuple(sounds.values()),
        silent_streams=len(container.streams.audio) - len(sounds),
        undecodable=undecodable if decode else -1,
    )


def _describe(stream: VideoStream, picture: Any, timeline: Timeline) -> PictureFacts:
    """Describe the video stream by its first decoded picture and its packets."""
    steps = np.diff(timeline.begins)
    end, lead = timeline.end, timeline.lead
    a, b, c, d = display_matrix(picture)
    return PictureFacts(
        lead=lead,
        frames=len(timeline.begins),
        fps=len(timeline.begins) / (end - lead) if end > lead else 0.0,
        steps=(float(steps.min()), float(steps.max())) if len(steps) else (0.0, 0.0),
        uneven=_uneven(steps),
        codec=str(stream.codec_context.name),
        pixel_format=str(picture.format.name),
        width=int(picture.width),
        height=int(picture.height),
        rotation=round(picture.rotation) % 360,
        mirrored=a * d - b * c < 0,
        interlaced=bool(picture.interlaced_frame),
        notes=tuple(filter(None, (timeline.note, make_convertible(picture)))),
    )


def _uneven(steps: NDArray[np.float64]) -> bool:
    if not len(steps):
        return False
    usual = float(np.median(steps))
    rounding = 0.0011
    return bool((steps > max(usual * SEVERAL, usual + rounding)).any() or (steps < usual / SEVERAL - rounding).any())
