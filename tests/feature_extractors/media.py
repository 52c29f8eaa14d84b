"""Small real media files whose pictures say which frame they are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CLOCK = 90_000
"""Ticks a second of the times given to encoders: a multiple of 25, 30 and 1000."""
HEIGHT, WIDTH, BITS = 48, 64, 8


def numbered(number: int) -> np.ndarray:
    """An upright picture (48, 64, 3) whose eight bars, left to right, are the bits of a number, lowest first."""
    bars = np.array([255 * (number >> bit & 1) for bit in range(BITS)], np.uint8).repeat(WIDTH // BITS)
    return np.broadcast_to(bars[None, :, None], (HEIGHT, WIDTH, 3)).copy()


def read_number(picture: np.ndarray) -> int:
    """The number on a decoded picture, from the middle of each bar."""
    assert picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8
    bars = picture[8:-8].reshape(HEIGHT - 16, BITS, WIDTH // BITS, 3)[:, :, 2:-2].mean(axis=(0, 2, 3))
    assert (abs(bars - 127.5) > 60).all()  # black or white, whatever the codec did
    return sum(1 << bit for bit in range(BITS) if bars[bit] > 127)


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
) -> Path:
    """Encode numbered pictures shown at rising `times` (seconds), and `sound` (channels, samples) if there is any.

    Both `start` and `sound_start` are seconds on the file's own clock. H.264 comes with three B-frames in a row, so
    that packets lie in another order than pictures. Rotated pictures are coded turned, as telephones do it.
    """
    options = {"bf": "3", "g": "50", "threads": "1"}
    turned = rotation % 180 != 0
    with av.open(f"file:{path}", "w", options={"fflags": "+bitexact"}) as container:
        pictures = container.add_stream(
            "libx264",
            rate=25,
            width=HEIGHT if turned else WIDTH,
            height=WIDTH if turned else HEIGHT,
            pix_fmt="yuv420p",
            time_base=Fraction(1, CLOCK),
            options=options,
        )
        if rotation:
            pictures.set_display_rotation(rotation)
        track = None
        if sound is not None:
            track = container.add_stream(sound_codec, rate=rate, layout="stereo" if len(sound) == 2 else "mono")
        for number, time in enumerate(times):
            coded = np.ascontiguousarray(np.rot90(numbered(number), -rotation // 90))
            frame = av.VideoFrame.from_ndarray(coded, format="rgb24")
            frame.pts, frame.time_base = round((start + time) * CLOCK), Fraction(1, CLOCK)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        if track is not None and sound is not None:
            for first in range(0, sound.shape[1], 1024):
                piece = np.ascontiguousarray(sound[:, first : first + 1024], dtype=np.float32)
                samples = av.AudioFrame.from_ndarray(piece, format="fltp", layout=track.layout.name)
                samples.sample_rate, samples.time_base = rate, Fraction(1, rate)
                samples.pts = round(sound_start * rate) + first
                container.mux(track.encode(samples))
            container.mux(track.encode(None))
    return path


def steady(seconds: float, fps: int = 25) -> np.ndarray:
    """Times of frames at a steady rate."""
    return np.arange(round(seconds * fps)) / fps
