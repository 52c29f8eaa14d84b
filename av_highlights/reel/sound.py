"""The sound of a part of a reel: stereo samples, right to the sample, with silence where there is none."""

from __future__ import annotations

from statistics import median
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from av_highlights.reel.source import Source
from feature_extractors.media.container import Problems, decode_packet, open_media, pick_sound, read_packets

RATE = 48_000
"""Hz of a reel."""
Samples = NDArray[np.float32]
LEAD_S = 1.0
"""Seconds before a part at which decoding begins: codecs need some packets to settle."""
SETTLED = RATE // 10
"""Samples before a part from which its times no longer move."""


def read_sound(source: Source, start: float, count: int) -> Samples:
    """`count` stereo samples of a video from `start` seconds on, (2, count), silence where it has no sound.

    Seconds count from the video's second 0.
    """
    found = np.zeros((2, count), np.float32)
    wanted, start_s = round(start * RATE), source.timeline.start_s
    with open_media(source.file) as container:
        stream = pick_sound(container)
        if stream is None:
            return found
        seek = start_s + start - LEAD_S
        if seek > start_s and stream.time_base is not None:
            container.seek(int(seek / float(stream.time_base)), stream=stream)
        for first, samples in _pieces(container, stream, start_s, wanted):
            if first >= wanted + count:
                break
            begin, end = max(first, wanted), min(first + samples.shape[1], wanted + count)
            if begin < end:
                found[:, begin - wanted : end - wanted] = samples[:, begin - first : end - first]
    return found


def _pieces(container: Any, stream: Any, start_s: float, wanted: int) -> Any:
    """Yield stereo pieces (2, samples) at `RATE`, each with its first sample's number from second 0 on.

    Frames follow each other without gaps, so each frame's time tells where the first one began. It is rounded to the
    stream's clock, twice in the first frame after a jump in Matroska with Opus: the median up to a little before sample
    `wanted` counts.
    """
    converter: Any = None
    form: tuple[str, str, int] | None = None
    at: int | None = None
    late: list[float] = []  # by how many samples each frame was later than the first one promised
    heard = 0.0
    for packet in read_packets(container, [stream], Problems()):
        for frame in decode_packet(packet, Problems()):
            begin = None if frame.time is None else round((frame.time - start_s) * RATE)
            known = frame.format.name, frame.layout.name, frame.sample_rate
            # Times are rounded to the stream's clock: a jump of less than 20 ms is rounding, not a gap.
            if known != form or at is None or (begin is not None and abs(begin - at) > RATE // 50):
                if converter is not None and at is not None:
                    for rest in converter.resample(None):
                        yield at, rest.to_ndarray()
                converter, form = av.AudioResampler(format="fltp", layout="stereo", rate=RATE), known
                at = begin if begin is not None else at or 0
                late, heard = [], float(at)
            if begin is not None and at < wanted - SETTLED:
                late.append(begin - heard)
            elif late:
                at += round(median(late))
                late = []
            heard += frame.samples * RATE / frame.sample_rate
            frame.pts = None  # the resampler would fill gaps by its own rules
            for piece in converter.resample(frame):
                samples = piece.to_ndarray()
                yield at, samples
                at += samples.shape[1]
    if converter is not None and at is not None:
        for rest in converter.resample(None):
            yield at, rest.to_ndarray()
