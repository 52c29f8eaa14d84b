"""Small real media files whose pictures say which frame they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

CLOCK = 90_000
"""Ticks a second of the times given to encoders: a multiple of 25, 30 and 1000."""
HEIGHT, WIDTH, BITS = 48, 64, 8


def numbered(number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """An upright picture (height, width, 3) whose eight bars, left to right, are the bits of a number, lowest first."""
    bits = np.array([255 * (number >> bit & 1) for bit in range(BITS)], np.uint8)
    bars = bits[np.arange(width) * BITS // width]
    return np.broadcast_to(bars[None, :, None], (height, width, 3)).copy()


def read_number(picture: np.ndarray, size: tuple[int, int] | None = (HEIGHT, WIDTH)) -> int:
    """The number on a decoded picture of a size (None: any), from the middle of each bar."""
    height, width, _ = picture.shape
    assert picture.dtype == np.uint8 and size in (None, (height, width))
    edges = [round(bit * width / BITS) for bit in range(BITS + 1)]
    margin = max(2, width // BITS // 4)
    rows = picture[height // 6 : -(height // 6)]
    bars = np.array([rows[:, a + margin : b - margin].mean() for a, b in pairwise(edges)])
    assert (abs(bars - 127.5) > 60).all()  # black or white, whatever the codec did
    return sum(1 << bit for bit in range(BITS) if bars[bit] > 127)


@dataclass(frozen=True)
class Coding:
    """How pictures are encoded. The default is H.264 with three B-frames in a row, so that packets lie in another order
    than pictures."""

    codec: str = "libx264"
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"bf": "3", "g": "50"})
    height: int = HEIGHT
    width: int = WIDTH
    clock: Fraction = Fraction(1, CLOCK)
    rate: Fraction = Fraction(25)
    interlaced: bool = False
    muxer: dict[str, str] = field(default_factory=dict)


H264 = Coding()


def write_media(
    path: Path,
    times: Sequence[float] | np.ndarray,
    *,
    start: float = 0.0,
    rotation: int = 0,
    sound: np.ndarray | None = None,
    sound_start: float = 0.0,
    sound_codec: str = "pcm_s16le",
    rate: int = 48_000,
    layout: str = "",
    coding: Coding = H264,
    first: int = 0,
) -> Path:
    """Encode pictures numbered from `first`, shown at rising `times` (seconds), and `sound` (channels, samples).

    Both `start` and `sound_start` are seconds on the file's own clock. Rotated pictures are coded turned, as telephones
    do it.
    """
    turned = rotation % 180 != 0
    height, width = (coding.width, coding.height) if turned else (coding.height, coding.width)
    with av.open(f"file:{path}", "w", options={"fflags": "+bitexact", **coding.muxer}) as container:
        pictures = container.add_stream(
            coding.codec,
            rate=coding.rate,
            width=width,
            height=height,
            pix_fmt=coding.pixels,
            time_base=coding.clock,
            options={"threads": "1", **coding.options},
        )
        if rotation:
            pictures.set_display_rotation(rotation)
        track = None
        if sound is not None:
            layout = layout or ("stereo" if len(sound) == 2 else "mono")
            track = container.add_stream(sound_codec, rate=rate, layout=layout)
        for number, time in enumerate(times, start=first):
            upright = numbered(number, coding.height, coding.width)
            coded = np.ascontiguousarray(np.rot90(upright, -rotation // 90))
            frame = av.VideoFrame.from_ndarray(coded, format="rgb24").reformat(format=coding.pixels)
            frame.pts, frame.time_base = round((start + time) / coding.clock), coding.clock
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        if track is not None and sound is not None:
            size = track.codec_context.frame_size or 1024
            form = {"pcm_s16le": "s16", "flac": "s16", "pcm_f32le": "flt"}.get(sound_codec, "fltp")
            to_form = av.AudioResampler(format=form, layout=layout, rate=rate)
            for begin in range(0, sound.shape[1], size):
                piece = np.ascontiguousarray(sound[:, begin : begin + size], dtype=np.float32)
                samples = av.AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
                samples.sample_rate, samples.time_base = rate, Fraction(1, rate)
                samples.pts = round(sound_start * rate) + begin
                for converted in to_form.resample(samples):
                    container.mux(track.encode(converted))
            container.mux(track.encode(None))
    return path


def steady(seconds: float, fps: float = 25) -> np.ndarray:
    """Times of frames at a steady rate."""
    return np.arange(round(seconds * fps)) / fps
