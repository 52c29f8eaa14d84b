"""What a media file is, from its packets and one decoded frame: for `doctor`, which looks at files of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from feature_extractors.manifest import NO_VIDEO

SEVERAL = 1.1
"""Frames lie unevenly where a step between two is this many times longer or shorter than the usual one, and by more
than the millisecond to which some containers round."""
PICTURES = ("image2", "_pipe", "tty", "apng")
"""Formats that FFmpeg opens as videos of one picture: text files among them."""


@dataclass(frozen=True)
class SoundFacts:
    """One audio stream: codec, Hz, channels, first and last moment in seconds from the first video frame."""

    codec: str
    rate: int
    channels: int
    start: float
    end: float


@dataclass(frozen=True)
class MediaFacts:
    """A media file.

    Attributes:
        container: FFmpeg's name of the format.
        header_seconds: duration that the container claims; 0 where it says nothing.
        duration: seconds from the first video frame to the end of the last video packet.
        start: time of the first video frame on the file's own clock, seconds.
        frames: video packets that are shown.
        fps: frames a second, on average.
        steps: shortest and longest step between two frames, seconds.
        uneven: whether the steps differ by more than rounding.
        rotation: degrees counter-clockwise to turn a picture upright.
        sounds: audio streams with packets.
        silent_streams: audio streams without any.
        broken: why the file could not be read to its end, or empty.
        undecodable: video frames and audio packets that did not decode; -1 if only one frame was decoded.
    """

    container: str
    header_seconds: float
    duration: float
    start: float
    frames: int
    fps: float
    steps: tuple[float, float]
    uneven: bool
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    interlaced: bool
    sounds: tuple[SoundFacts, ...]
    silent_streams: int
    broken: str
    undecodable: int


class NoVideo(Exception):
    """A file holds no video; the message says what it is instead."""


def inspect_media(file: Path, decode: bool = False) -> MediaFacts:
    """Read all packets of a file, and decode one frame or, with `decode`, everything.

    Raises:
        NoVideo: empty, not a media file, a picture, without a video stream, or without a video frame.
    """
    if file.stat().st_size == 0:
        raise NoVideo("empty file")
    try:
        # `file:` keeps names with a colon or a leading dash from being read as a protocol or an option.
        with av.open(f"file:{file}") as container:
            return _inspect(container, file, decode)
    except av.FFmpegError as problem:
        raise NoVideo(f"not a readable media file: {problem.strerror}") from None


def _inspect(container: InputContainer, file: Path, decode: bool) -> MediaFacts:
    name = container.format.name
    if any(part in name for part in PICTURES) or NO_VIDEO.fullmatch(file.suffix):
        raise NoVideo(f"not a video but {name}")
    if not container.streams.video:
        raise NoVideo("no video stream")
    stream = container.streams.video[0]
    spans: dict[int, list[tuple[float, float]]] = {one.index: [] for one in container.streams}
    picture: Any = None
    undecodable, decoded = 0, 0
    broken = ""
    try:
        for packet in container.demux():
            wanted = packet.stream.type in ("video", "audio")
            if wanted and packet.pts is not None and packet.time_base is not None and not packet.is_discard:
                begin = float(packet.pts * packet.time_base)
                spans[packet.stream.index].append((begin, begin + float((packet.duration or 0) * packet.time_base)))
            if wanted and (decode or (picture is None and packet.stream.index == stream.index)):
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    undecodable += 1
                    continue
                if packet.stream.index == stream.index:
                    decoded += len(frames)
                    picture = frames[0] if picture is None and frames else picture
    except av.FFmpegError as problem:
        broken = problem.strerror or type(problem).__name__
    shown = sorted(spans[stream.index])
    if not shown:
        raise NoVideo("no video frames")
    if picture is None:
        raise NoVideo("no video frame can be decoded")
    begin, end = shown[0][0], max(last for _, last in shown)
    steps = np.diff([time for time, _ in shown])
    sounds = [
        SoundFacts(
            codec=str(sound.codec_context.name),
            rate=int(sound.codec_context.sample_rate),
            channels=int(sound.codec_context.channels),
            start=min(first for first, _ in spans[sound.index]) - begin,
            end=max(last for _, last in spans[sound.index]) - begin,
        )
        for sound in container.streams.audio
        if spans[sound.index]
    ]
    return MediaFacts(
        container=name,
        header_seconds=_header_seconds(container, stream),
        duration=end - begin,
        start=begin,
        frames=len(shown),
        fps=len(shown) / (end - begin) if end > begin else 0.0,
        steps=(float(steps.min()), float(steps.max())) if len(steps) else (0.0, 0.0),
        uneven=_uneven(steps),
        codec=str(stream.codec_context.name),
        pixel_format=str(picture.format.name),
        width=int(picture.width),
        height=int(picture.height),
        rotation=round(picture.rotation) % 360,
        interlaced=bool(picture.interlaced_frame),
        sounds=tuple(sounds),
        silent_streams=len(container.streams.audio) - len(sounds),
        broken=broken,
        # Many decoders leave a damaged frame out without a word.
        undecodable=max(undecodable, len(shown) - decoded) if decode else -1,
    )


def _header_seconds(container: InputContainer, stream: VideoStream) -> float:
    """What the container claims for its video, or for all of it."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return float(container.duration or 0) / av.time_base


def _uneven(steps: NDArray[np.float64]) -> bool:
    if not len(steps):
        return False
    usual = float(np.median(steps))
    rounding = 0.0011
    return bool((steps > max(usual * SEVERAL, usual + rounding)).any() or (steps < usual / SEVERAL - rounding).any())
