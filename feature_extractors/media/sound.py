"""Decode the sound of a file to a stream of mono samples on the clock of the video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from cli import UserError
from feature_extractors.media.container import Problems, decode_packet, file_of, open_media, pick_sound, read_packets
from feature_extractors.media.faults import raise_if_of_machine

Samples = NDArray[np.float32]
BLOCK_S = 1.0
"""Seconds resampled at a time."""
MOST_PLANES = 7
"""Most channels that are read plane by plane. PyAV 18 counts the planes of a frame up to a null pointer. With eight or
more there is none, and it reads memory outside the frame. Packed samples are one plane."""
UNDECODABLE = "sound cannot be decoded"


def open_sound(file: Path, rate: int, start_s: float, problems: Problems) -> SoundTrack | None:
    """Open the sound that players play, at `rate` Hz; None if there is none.

    Args:
        file: the video.
        rate: Hz.
        start_s: second 0 on the file's own clock.
        problems: collects what is wrong with the file.
    """
    with open_media(file) as container:
        stream = pick_sound(container)
        if stream is None:
            return None
        native = int(stream.codec_context.sample_rate) or _first_rate(container, stream)
    if not native:
        problems.add(UNDECODABLE)
        return None
    return SoundTrack(file, rate, native, start_s, problems)


def read_span(file: Path, container: InputContainer, stream: AudioStream, problems: Problems) -> tuple[float, float]:
    """First and last moment of sound without pictures, in seconds on the file's own clock, from its packets.

    Raises:
        UserError: nothing of it can be decoded, so the file is probably no sound.
    """
    first, last, decodes = None, 0.0, False
    for packet in read_packets(container, [stream], problems):
        decodes = decodes or bool(decode_packet(packet, Problems()))
        if not packet.size or packet.time_base is None or packet.is_discard:
            continue
        ticks = packet.pts if packet.pts is not None else packet.dts
        begin = last if ticks is None else float(ticks * packet.time_base)
        first = begin if first is None else first
        last = max(last, begin + float((packet.duration or 0) * packet.time_base))
    if first is None or not decodes:
        raise UserError(f"{file}: {UNDECODABLE}")
    return first, last


def _first_rate(container: InputContainer, stream: AudioStream) -> int:
    """Hz of the first frame that decodes, 0 if none does. Opening a file does not tell it if its sound starts late."""
    for packet in read_packets(container, [stream], Problems()):
        for frame in decode_packet(packet, Problems()):
            return int(frame.sample_rate)
    return 0


class SoundTrack:
    """Mono sound on the clock of the video, decoded as it is read, so that a long file is never held in memory.

    Mono is the mean of the channels, as in the training of the published audio encoders.

    Attributes:
        rate: Hz.
        heard: increasing [begin, end) seconds in which the file has sound, for the part read so far.
    """

    def __init__(self, file: Path, rate: int, native: int, start_s: float, problems: Problems) -> None:
        self.rate = rate
        self.heard: list[tuple[float, float]] = []
        self._file = file
        self._native = native
        self._start_s = start_s
        self._problems = problems

    def chunks(self) -> Iterator[Samples]:
        """Yield consecutive samples from second 0 on, with zeros where the file has no sound."""
        if self._native == self.rate:
            yield from self._gapless()
            return
        # soxr's stream gives exactly the samples that it gives for the whole signal at once.
        resampler = soxr.ResampleStream(self._native, self.rate, 1, dtype="float32", quality="HQ")
        block: list[Samples] = []
        for samples in self._gapless():
            block.append(samples)
            if sum(map(len, block)) >= BLOCK_S * self._native:
                yield resampler.resample_chunk(np.concatenate(block), last=False)
                block = []
        yield resampler.resample_chunk(np.concatenate([*block, np.zeros(0, np.float32)]), last=True)

    def share_heard(self, start: float, seconds: float) -> float:
        """Share of [start, start + seconds) that has sound, 0 to 1, for the part read so far."""
        end = start + seconds
        covered = (max(0.0, min(end, until) - max(start, begin)) for begin, until in reversed(self.heard))
        return min(1.0, sum(covered) / seconds)

    def _gapless(self) -> Iterator[Samples]:
        """Yield samples at the file's own rate from second 0 on, with gaps filled by zeros."""
        native, at = self._native, 0
        with open_media(self._file) as container:
            stream = pick_sound(container)
            if stream is None:
                return
            for start, samples in self._pieces(container, stream):
                # Sound before second 0, or repeated sound, is outside the grid.
                samples = samples[max(0, at - start) :]
                start = max(start, at)
                while start > at:
                    silence = min(start - at, round(BLOCK_S * native))
                    at += silence
                    yield np.zeros(silence, np.float32)
                if len(samples):
                    self._hear(at / native, (at + len(samples)) / native)
                    at += len(samples)
                    yield samples

    def _hear(self, begin: float, end: float) -> None:
        if self.heard and begin <= self.heard[-1][1]:
            begin = self.heard.pop()[0]
        self.heard.append((begin, end))

    def _pieces(self, container: InputContainer, stream: AudioStream) -> Iterator[tuple[int, Samples]]:
        """Yield mono pieces with the sample at which they start, which may be negative."""
        native, end, begun = self._native, 0, False
        for frame in _frames(container, stream, native, self._problems):
            start = end if frame.time is None else round((frame.time - self._start_s) * native)
            # Timestamps are rounded to the stream's clock: a jump of less than 20 ms is rounding, not a gap.
            start = end if begun and abs(start - end) < native // 50 else start
            if begun and start < end - native:
                self._problems.add("sound goes back in time: what was heard before is kept")
            samples = _mono(frame)
            if not np.isfinite(samples).all():
                self._problems.add("sound holds values that are not finite numbers: taken for silence")
                samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
            yield start, samples
            end, begun = start + len(samples), True
        if not begun:
            self._problems.add(UNDECODABLE)


def _mono(frame: Any) -> Samples:
    """The mean of the channels of a frame of `_frames`, (samples,)."""
    if frame.format.is_planar and frame.layout.nb_channels <= 2:
        # The usual case without the detours of `to_ndarray` and `mean`, which take half of the time of decoding.
        planes = [np.frombuffer(plane, np.float32, frame.samples) for plane in frame.planes]
        return planes[0] if len(planes) == 1 else (planes[0] + planes[1]) * np.float32(0.5)
    channels: Samples = frame.to_ndarray()
    if not frame.format.is_planar:
        channels = np.ascontiguousarray(channels.reshape(-1, frame.layout.nb_channels).T)
    mean: Samples = channels.mean(axis=0, dtype=np.float32)
    return mean


def _frames(container: InputContainer, stream: AudioStream, native: int, problems: Problems) -> Iterator[Any]:
    """Yield frames of float channels at the native rate, even if the stream changes its format.

    Frames are planar for few channels, packed for many (`MOST_PLANES`).
    """
    converters: dict[tuple[str, str, int], Any] = {}
    for packet in read_packets(container, [stream], problems):
        for frame in decode_packet(packet, problems):
            form = frame.format.name, frame.layout.name, frame.sample_rate
            wanted = "fltp" if frame.layout.nb_channels <= MOST_PLANES else "flt"
            if form[0] == wanted and form[2] == native:
                yield frame
                continue
            try:
                if form not in converters:
                    # Not to mono: FFmpeg does not normalise that for float samples, and two equal channels become 3 dB
                    # louder.
                    converters[form] = av.AudioResampler(format=wanted, rate=native)
                yield from converters[form].resample(frame)
            except (av.FFmpegError, ValueError) as problem:
                raise_if_of_machine(problem, file_of(container))
                problems.add(f"sound of {frame.layout.nb_channels} channels ({form[1]}) that FFmpeg cannot convert")
                return
