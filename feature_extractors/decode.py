"""Decode media with PyAV: what a file holds, the frames shown at given times, the sound as one array.

All times are seconds from the first video frame, by presentation timestamps; sound that starts earlier or later than
the picture keeps its offset.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import soxr
from av.container import InputContainer
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.manifest import ClipConfig, Video

Scalar = TypeVar("Scalar", bound=np.generic)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sound:
    """Mono sound on the clock of the video.

    Attributes:
        samples: (n,) float32, sample j is heard at j / rate seconds; zeros where the file has no sound.
        heard: (n,) bool, False where the file has no sound.
        rate: Hz.
    """

    samples: NDArray[np.float32]
    heard: NDArray[np.bool_]
    rate: int

    def window(self, start: float, seconds: float) -> NDArray[np.float32]:
        """The samples of [start, start + seconds), zeros beyond either end."""
        return _window(self.samples, round(start * self.rate), round(seconds * self.rate))

    def share_heard(self, start: float, seconds: float) -> float:
        """Share of [start, start + seconds) for which the file has sound, 0 to 1."""
        return float(_window(self.heard, round(start * self.rate), round(seconds * self.rate)).mean())


def probe(folder: Path, file: Path, clips: ClipConfig) -> Video:
    """Decide the clip grid of a video from its packets (nothing is decoded).

    Raises:
        UserError: not a media file, or no picture in it.
    """
    with _open(file) as container:
        first, last = float("inf"), float("-inf")
        for packet in _packets(file, container, _pictures(file, container)):
            # A file cut without re-encoding holds packets from before its beginning, which nobody sees.
            if packet.pts is None or packet.time_base is None or packet.is_discard:
                continue
            start = float(packet.pts * packet.time_base)
            length = float((packet.duration or 0) * packet.time_base)
            first, last = min(first, start), max(last, start + length)
        if last <= first:
            raise UserError(f"{file}: no video frames")
        has_audio = bool(container.streams.audio)
    duration = round(last - first, 6)
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Video(
        vid=file.stem,
        file=str(file.relative_to(folder)),
        duration_s=duration,
        n_clips=clips.count(duration),
        has_audio=has_audio,
        sha256=digest,
    )


def frames_at(file: Path, times: Sequence[float]) -> Iterator[NDArray[np.uint8]]:
    """Yield for each of the rising `times` the frame shown then, upright, as (height, width, 3) RGB.

    The frame shown at t is the last one with a timestamp of at most t; after the last frame it stays in view.
    """
    wanted = iter(times)
    time = next(wanted, None)
    shown: VideoFrame | None = None
    with _open(file) as container:
        stream = _pictures(file, container)
        stream.thread_type = "AUTO"
        origin: int | None = None
        for frame in _frames(file, container, stream):
            if frame.pts is None or frame.time_base is None:
                continue
            origin = frame.pts if origin is None else origin
            # Ticks are subtracted, not seconds: at a frame's very time a rounded difference would show the one before.
            begin = float((frame.pts - origin) * frame.time_base)
            picture: NDArray[np.uint8] | None = None
            while time is not None and shown is not None and begin > time:
                picture = _upright(shown) if picture is None else picture
                yield picture
                time = next(wanted, None)
            if time is None:
                return
            shown = frame
        if shown is None:
            raise UserError(f"{file}: no video frame can be decoded")
        picture = _upright(shown)
        while time is not None:
            yield picture
            time = next(wanted, None)


def read_sound(file: Path, rate: int) -> Sound | None:
    """Decode the first audio stream to mono at `rate` Hz; None where there is none or nothing can be decoded.

    Mono is the mean of the channels, on which the published audio encoders were trained.
    """
    with _open(file) as container:
        if not container.streams.audio:
            return None
        origin = _start(_pictures(file, container))
        stream = container.streams.audio[0]
        native = int(stream.codec_context.sample_rate)
        # Not to mono: for float samples FFmpeg does not normalise that, and two equal channels come out 3 dB louder.
        to_float = av.AudioResampler(format="fltp", rate=native)
        pieces: list[tuple[int, NDArray[np.float32]]] = []
        end = 0
        for frame in _frames(file, container, stream):
            start = end if frame.time is None else round((frame.time - origin) * native)
            # Timestamps are rounded to the stream's clock: a jump of under 20 ms is rounding, not a hole.
            start = end if pieces and abs(start - end) < native // 50 else start
            for channels in to_float.resample(frame):
                samples = channels.to_ndarray().mean(axis=0, dtype=np.float32)
                pieces.append((start, samples))
                start += len(samples)
            end = start
    if not pieces:
        return None
    length = max(0, max(start + len(samples) for start, samples in pieces))
    signal = np.zeros(length, np.float32)
    heard = np.zeros(length, np.bool_)
    for start, samples in pieces:
        # What is heard before the first frame lies outside the grid.
        cut = samples[max(0, -start) :]
        begin = max(0, start)
        signal[begin : begin + len(cut)] = cut
        heard[begin : begin + len(cut)] = True
    if native == rate:
        return Sound(signal, heard, rate)
    resampled = soxr.resample(signal, native, rate, quality="HQ").astype(np.float32)
    index = np.minimum((np.arange(len(resampled)) * (native / rate)).astype(np.int64), max(0, length - 1))
    return Sound(resampled, heard[index], rate)


def _open(file: Path) -> InputContainer:
    if not file.is_file():
        raise UserError(f"{file}: no such video")
    try:
        # `file:` keeps names with a colon or a leading dash from being read as a protocol or an option.
        return av.open(f"file:{file}")
    except av.FFmpegError as problem:
        raise UserError(f"{file}: not a readable media file: {problem.strerror}") from None


def _pictures(file: Path, container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise UserError(f"{file}: no video stream")
    return container.streams.video[0]


def _packets(file: Path, container: InputContainer, stream: Stream) -> Iterator[Any]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError as problem:
        raise UserError(f"{file}: cannot be read to its end: {problem.strerror}") from None


def _frames(file: Path, container: InputContainer, stream: Stream) -> Iterator[Any]:
    """Decoded frames. Damaged packets are passed over, as players do, and reported once."""
    damaged = False
    for packet in _packets(file, container, stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            if not damaged:
                _log.warning("%s: damaged %s, what cannot be decoded is left out", file, stream.type)
            damaged = True
            continue
        yield from frames


def _start(stream: VideoStream) -> float:
    """When the first frame is shown, in seconds on the file's own clock."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def _upright(frame: VideoFrame) -> NDArray[np.uint8]:
    picture = frame.to_ndarray(format="rgb24")
    # `rotation` is counter-clockwise, in degrees, as np.rot90 turns.
    return np.ascontiguousarray(np.rot90(picture, k=round(frame.rotation / 90) % 4))


def _window(values: NDArray[Scalar], start: int, length: int) -> NDArray[Scalar]:
    out = np.zeros(length, values.dtype)
    piece = values[max(0, start) : max(0, start + length)]
    begin = max(0, -start)
    out[begin : begin + len(piece)] = piece
    return out
