"""Files that no encoder writes by itself: packets changed on their way, parts cut off, blanked or joined."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from tests.feature_extractors.made_media import Coding, numbered, steady, write_media

RATE = 48_000
AVI_CLOCK = Fraction(1, 25)


def noise(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    """Noise in steps of 16 bits, (channels, samples)."""
    whole = np.random.default_rng(0).integers(-9000, 9000, size=(channels, round(seconds * rate)))
    return (whole / 32768).astype(np.float32)


def write_palette(path: Path, seconds: float = 6.0, turned_at: int | None = None) -> None:
    """Raw 8-bit pictures and a palette of greys, as microscopes and MATLAB write them.

    The palette is darker than a default one would be. From picture `turned_at` on it is another, in which black and
    white have changed places (so have the pixels).
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25, width=64, height=48, pix_fmt="pal8")
        for number in range(round(seconds * 25)):
            turned = turned_at is not None and number >= turned_at
            greys = np.arange(256, dtype=np.uint8)[:: -1 if turned else 1] // 32 * 28
            colours = np.stack([np.full(256, 255, np.uint8), greys, greys, greys], axis=1)
            pixels = numbered(number)[:, :, 0]
            pixels = 255 - pixels if turned else pixels
            frame = av.VideoFrame.from_ndarray((pixels, colours), format="pal8")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _segments(jpeg: bytes) -> list[bytes]:
    """The segments of a JPEG file, the last with all that follows it."""
    found, at = [jpeg[:2]], 2
    while jpeg[at + 1] != 0xDA:
        length = 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append(jpeg[at : at + length])
        at += length
    return [*found, jpeg[at:]]


def _copy(source: Path, path: Path, change: Callable[[int, bytes], bytes]) -> None:
    """Copy the video packets of a file, each with its number and content through `change`."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        packets = [packet for packet in old.demux(old.streams.video[0]) if packet.size]
        for number, packet in enumerate(packets):
            changed = av.Packet(change(number, bytes(packet)))
            changed.pts, changed.dts, changed.time_base = packet.pts, packet.dts, packet.time_base
            changed.duration, changed.is_keyframe, changed.stream = packet.duration, packet.is_keyframe, stream
            new.mux(changed)
    source.unlink()


def write_tables_once(path: Path) -> None:
    whole = path.with_name("whole.mkv")
    options = {"qmin": "8", "qmax": "8", "huffman": "default"}  # the same tables in all pictures
    write_media(whole, steady(6.0), coding=Coding("mjpeg", "yuvj420p", options))
    tables = (b"\xff\xdb", b"\xff\xc4")
    _copy(
        whole,
        path,
        lambda number, content: b"".join(
            part for part in _segments(content) if not number or not part.startswith(tables)
        ),
    )


def write_matrices_once(path: Path) -> None:
    """From 4.32 s on, intra blocks are scaled by a matrix of 30s; only the header there says so."""
    whole = path.with_name("whole.mkv")
    # Bars of 9 pixels: those that fill a block of 8 have nothing but a mean, which no matrix scales.
    options = {"bf": "2", "g": "12"}
    write_media(whole, steady(6.0), coding=Coding("mpeg2video", options=options, width=72, clock=AVI_CLOCK))

    def change(number: int, content: bytes) -> bytes:
        if not number or not content.startswith(b"\0\0\1\xb3"):
            return content
        if number < 100 or b"changed" in told:
            return content[content.index(b"\0\0\1\xb8") :]
        told.add(b"changed")
        # ISO/IEC 13818-2, 6.2.2.1: after 62 bits, a bit that says that 64 values follow, and one that no others do.
        begin = int.from_bytes(content[4:12], "big") >> 2
        header = (begin << 1 | 1) << 512 | int.from_bytes(bytes([8, *[30] * 63]), "big")
        return content[:4] + (header << 1).to_bytes(72, "big") + content[12:]

    told: set[bytes] = set()
    _copy(whole, path, change)


def write_two_sizes(path: Path) -> None:
    """Two recordings one after the other in one stream, as receivers make them when the broadcast changes."""
    tables = []
    for number, (height, width) in enumerate([(48, 64), (96, 128)]):
        part = path.with_name(f"part{number}.ts")
        coding = Coding("mpeg2video", options={"bf": "0", "b": "2M"}, clock=AVI_CLOCK, height=height, width=width)
        write_media(part, steady(3.0), start=3.04 * number, coding=coding, first=75 * number)
        tables.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(tables))


def write_two_tracks(path: Path) -> None:
    """Hum in the first track; noise from second 1 to 4 in the second, which is marked as default."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p")
        tracks = [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(2)]
        tracks[0].disposition = Disposition(0)
        tracks[1].disposition = Disposition.default
        for number in range(150):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        hum = 0.1 * np.sin(2 * np.pi * 50 * np.arange(6 * RATE) / RATE)[None]
        for track, samples, begin in ((tracks[0], hum, 0), (tracks[1], noise(3.0), RATE)):
            for first in range(0, samples.shape[1], 1024):
                steps = np.rint(samples[:, first : first + 1024] * 32768).astype(np.int16)
                piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(steps), format="s16", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = RATE, begin + first, Fraction(1, RATE)
                container.mux(track.encode(piece))


def write_sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(noise(1.0), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))


def _whole(path: Path, coding: Coding) -> bytes:
    whole = path.with_name(f"whole-{path.name}")
    content = write_media(whole, steady(6.0), coding=coding).read_bytes()
    whole.unlink()
    return content


def shorten(coding: Coding, share: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        content = _whole(path, coding)
        path.write_bytes(content[: round(len(content) * share)])

    return make


def blank(coding: Coding, share: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        content = _whole(path, coding)
        kept = round(len(content) * share)
        path.write_bytes(content[:kept] + bytes(len(content) - kept))

    return make


def behead(coding: Coding, share: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        content = _whole(path, coding)
        path.write_bytes(content[round(len(content) * share / 188) * 188 :])

    return make
