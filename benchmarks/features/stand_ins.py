"""Stand-in videos for benchmarks: a moving noisy picture with noisy sound, made and repeated without other programs."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

CODECS = {
    "H.264": ("libx264", {"preset": "veryfast", "bf": "3"}),
    "HEVC": ("libx265", {"preset": "superfast", "x265-params": "log-level=none"}),
    "VP9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "AV1": ("libsvtav1", {"preset": "11", "svtav1-params": "lp=1"}),
}
"""Encoder and its options, by name of the codec."""
SAMPLE_RATE, CHUNK = 44_100, 1764
"""Hz, and samples of sound that are written at a time."""
CELL = 16
"""Pixels of a patch of one colour."""


def make(
    file: Path, seconds: int, width: int, height: int, fps: int, codec: str = "H.264", bits: int = 2_000_000
) -> Path:
    """Write an MP4 with stereo AAC. The picture moves by 4 pixels per frame.

    Args:
        bits: of the pictures, per second.
    """
    rng = np.random.default_rng(1)
    across = (width + 4 * fps * seconds) // CELL + 1
    coarse = rng.integers(40, 216, (height // CELL + 1, across, 3)).astype(np.int16)
    scene = coarse.repeat(CELL, axis=0)[:height].repeat(CELL, axis=1)
    grain = rng.integers(-8, 9, (4, height, width, 3)).astype(np.int16)
    name, options = CODECS[codec]
    with av.open(str(file), "w") as container:
        pictures = container.add_stream(name, rate=fps, options={**options, "g": "250"})
        pictures.width, pictures.height, pictures.pix_fmt, pictures.bit_rate = width, height, "yuv420p", bits
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        sound.bit_rate = 128_000
        heard = 0
        for number in range(fps * seconds):
            shown = scene[:, 4 * number : 4 * number + width] + grain[number % len(grain)]
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(shown.astype(np.uint8), format="rgb24")))
            while heard * fps < (number + 1) * SAMPLE_RATE:
                samples = (0.1 * rng.standard_normal((2, CHUNK))).astype(np.float32)
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
                frame.sample_rate = SAMPLE_RATE
                container.mux(sound.encode(frame))
                heard += CHUNK
        for stream in (pictures, sound):
            container.mux(stream.encode(None))
    return file


def repeat(source: Path, file: Path, times: int) -> Path:
    """Write the pictures and the sound of a video again and again, without re-encoding them."""
    shifts: dict[int, int] = {}
    with av.open(str(file), "w") as sink:
        for turn in range(times):
            with av.open(str(source)) as container:
                if not turn:
                    into = {
                        stream.index: sink.add_stream_from_template(stream, opaque=True) for stream in container.streams
                    }
                lengths = dict.fromkeys(into, 0)
                for packet in container.demux():
                    if packet.dts is None or packet.pts is None:  # the empty packets at the end
                        continue
                    index = packet.stream.index
                    lengths[index] += packet.duration or 0
                    packet.pts += shifts.get(index, 0)
                    packet.dts += shifts.get(index, 0)
                    packet.stream = into[index]
                    sink.mux(packet)
                shifts = {index: shifts.get(index, 0) + ticks for index, ticks in lengths.items()}
    return file
