"""Odd media files of many kinds, each with numbered pictures at known times: what phones, cameras and cut-off downloads
produce. Used by the tests and by benchmarks/odd_media.py, which writes the table of docs/measurements/extraction.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from tests.feature_extractors.made_media import Coding, numbered, steady, write_media

RATE = 48_000
AVI_CLOCK = Fraction(1, 25)


@dataclass(frozen=True)
class Odd:
    """A file and what must come out of it.

    Attributes:
        what: in words.
        name: file name.
        make: writes the file.
        times: seconds at which its numbered pictures begin, from the first that is shown; empty for no video.
        first: number of the first picture that is shown; -1 where the file decides.
        duration: seconds of the grid; 0 where the file decides (cut off, no length declared).
        heard: [begin, end) seconds with sound; None without.
        problem: what the recorded cause must contain.
        full: whether it takes the way that decodes every frame.
        broken: whether frames are missing at its end.
    """

    what: str
    name: str
    make: Callable[[Path], object]
    times: np.ndarray = field(default_factory=lambda: steady(6.0))
    first: int = 0
    duration: float = 6.0
    heard: tuple[float, float] | None = None
    problem: str = ""
    full: bool = False
    broken: bool = False


def noise(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    """Noise in steps of 16 bits, (channels, samples)."""
    whole = np.random.default_rng(0).integers(-9000, 9000, size=(channels, round(seconds * rate)))
    return (whole / 32768).astype(np.float32)


def kinds() -> list[Odd]:
    """All kinds that PyAV alone can make."""
    return [*_codecs(), *_times(), *_pictures(), *_beside_pictures(), *_sounds(), *_broken()]


def _coded(coding: Coding, seconds: float = 6.0) -> Callable[[Path], object]:
    return lambda path: write_media(path, steady(seconds), coding=coding)


def _codecs() -> list[Odd]:
    slow = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k", "g": "60", "deadline": "realtime", "cpu-used": "8"}
    x265 = "keyint=50:bframes=3:log-level=none"
    small = {"preset": "ultrafast"}
    pyramid = Coding(options={"bf": "5", "g": "250", "x264-params": "b-pyramid=normal:ref=4"})
    return [
        Odd("H.264, 3 B-frames, MP4", "h264.mp4", _coded(Coding())),
        Odd("H.264, B-pyramid, one GOP", "pyramid.mp4", _coded(pyramid)),
        Odd("H.264, no B-frames", "plain.mp4", _coded(Coding(options={"bf": "0", "g": "12"}))),
        Odd(
            "H.264, open GOPs", "open.mp4", _coded(Coding(options={"g": "25", "bf": "3", "x264-params": "open-gop=1"}))
        ),
        Odd(
            "H.264, intra refresh", "refresh.mp4", _coded(Coding(options={"intra-refresh": "1", "g": "50", "bf": "0"}))
        ),
        Odd("H.264, intra refresh, TS", "refresh.ts", _coded(Coding(options={"intra-refresh": "1", "g": "50"}))),
        Odd("H.264, MPEG-TS", "h264.ts", _coded(Coding())),
        Odd("H.264, fragmented MP4", "fragments.mp4", _coded(Coding(muxer={"movflags": "frag_keyframe+empty_moov"}))),
        Odd("H.264 with B-frames in AVI (no times of showing)", "h264.avi", _coded(Coding(clock=AVI_CLOCK)), full=True),
        Odd(
            "HEVC, open GOPs",
            "hevc.mp4",
            _coded(Coding("libx265", height=72, width=96, options={**small, "x265-params": x265 + ":open-gop=1"})),
        ),
        Odd(
            "HEVC, closed GOPs, TS",
            "hevc.ts",
            _coded(Coding("libx265", height=72, width=96, options={**small, "x265-params": x265 + ":open-gop=0"})),
        ),
        Odd(
            "HEVC, temporal sub-layers",
            "layers.mp4",
            _coded(
                Coding("libx265", height=72, width=96, options={**small, "x265-params": x265 + ":temporal-layers=3"})
            ),
        ),
        Odd("VP8 with hidden frames, WebM", "vp8.webm", _coded(Coding("libvpx", options=slow))),
        Odd("VP9, WebM", "vp9.webm", _coded(Coding("libvpx-vp9", options=slow))),
        Odd("MPEG-4 with B-frames, AVI", "xvid.avi", _coded(Coding("mpeg4", options={"bf": "2"}, clock=AVI_CLOCK))),
        Odd(
            "MPEG-1 with B-frames, PS", "mpeg1.mpg", _coded(Coding("mpeg1video", options={"bf": "2"}, clock=AVI_CLOCK))
        ),
        Odd("MPEG-2 with B-frames, TS", "mpeg2.ts", _coded(Coding("mpeg2video", options={"bf": "2"}, clock=AVI_CLOCK))),
        Odd("Flash video", "old.flv", _coded(Coding("flv", options={"b": "1M"}, clock=Fraction(1, 1000)))),
        Odd("H.263, 3GP", "old.3gp", _coded(Coding("h263", height=96, width=128, options={}, clock=AVI_CLOCK))),
        Odd("GIF", "moving.gif", _coded(Coding("gif", "rgb8", options={}, clock=Fraction(1, 100)))),
    ]


def _times() -> list[Odd]:
    rng = np.random.default_rng(1)
    uneven = np.concatenate([[0], np.cumsum(rng.integers(10, 120, size=99))]) / 1000
    slides = np.arange(0.0, 21.0, 3.0)
    jump = np.concatenate([steady(2.0), steady(2.0) + 6.0])
    ntsc = np.arange(180) * 1001 / 30000
    fast = np.arange(240) / 120
    cut = {"options": {"bf": "3", "g": "50"}}
    return [
        Odd(
            "variable frame rate, MP4",
            "uneven.mp4",
            lambda path: write_media(path, uneven),
            times=uneven,
            duration=float(uneven[-1]) + 0.04,
        ),
        Odd(
            "variable frame rate, Matroska",
            "uneven.mkv",
            lambda path: write_media(path, uneven),
            times=uneven,
            duration=float(uneven[-1]) + 0.04,
        ),
        Odd("a slide every 3 s", "slides.mkv", lambda path: write_media(path, slides), times=slides, duration=18.04),
        Odd("4 s without a new frame", "jump.mkv", lambda path: write_media(path, jump), times=jump, duration=8.0),
        Odd(
            "30000/1001 frames a second",
            "ntsc.mp4",
            lambda path: write_media(path, ntsc, coding=Coding(rate=Fraction(30000, 1001))),
            times=ntsc,
            duration=float(ntsc[-1]) + 1001 / 30000,
        ),
        Odd(
            "120 frames a second",
            "fast.mp4",
            lambda path: write_media(path, fast, coding=Coding(rate=Fraction(120))),
            times=fast,
            duration=2.0,
        ),
        Odd("starts at 3.28 s", "late.mkv", lambda path: write_media(path, steady(6.0), start=3.28)),
        Odd("clock near its wrap, TS", "wrap.ts", lambda path: write_media(path, steady(6.0), start=95440.0)),
        Odd(
            "cut without re-encoding: a second hidden by an edit list",
            "cut.mp4",
            lambda path: write_media(path, steady(6.0), start=-1.0, coding=Coding(**cut)),
            times=steady(5.0),
            first=25,
            duration=5.0,
        ),
        Odd("one single frame", "single.mp4", lambda path: write_media(path, [0.0]), np.zeros(1), duration=0.04),
    ]


def _pictures() -> list[Odd]:
    fields = {"flags": "+ildct+ilme"}
    tall = {"height": 96, "width": 128}
    x265 = {"preset": "ultrafast", "x265-params": "keyint=50:log-level=none"}
    return [
        Odd("rotated by 90 degrees", "left.mp4", lambda path: write_media(path, steady(6.0), rotation=90)),
        Odd("rotated by -90 degrees", "right.mov", lambda path: write_media(path, steady(6.0), rotation=-90)),
        Odd("rotated by 180 degrees", "over.mp4", lambda path: write_media(path, steady(6.0), rotation=180)),
        Odd("odd size, 67 x 51, VP9", "odd.webm", _coded(Coding("libvpx-vp9", height=51, width=67, options={}))),
        Odd("odd size, 67 x 51, H.264 4:4:4", "odd.mp4", _coded(Coding(pixels="yuv444p", height=51, width=67))),
        Odd("10 bit 4:2:0, HEVC", "ten.mp4", _coded(Coding("libx265", "yuv420p10le", x265, 72, 96))),
        Odd("10 bit 4:2:2, ProRes", "ten.mov", _coded(Coding("prores_ks", "yuv422p10le", {}))),
        Odd("full range 4:2:0, Motion JPEG", "full.avi", _coded(Coding("mjpeg", "yuvj420p", {}, clock=AVI_CLOCK))),
        Odd("RGB, FFV1", "rgb.mkv", _coded(Coding("ffv1", "bgr0", {}))),
        Odd("grey, FFV1", "grey.mkv", _coded(Coding("ffv1", "gray", {}))),
        Odd("RGB with transparency, QuickTime Animation", "alpha.mov", _coded(Coding("qtrle", "argb", {}))),
        Odd(
            "interlaced H.264",
            "fields.mp4",
            _coded(Coding(options={**fields, "x264-params": "tff=1:interlaced=1"}, **tall)),
            full=True,
        ),
        Odd(
            "interlaced MPEG-2, TS",
            "fields.ts",
            _coded(Coding("mpeg2video", options={**fields, "b": "2M"}, clock=AVI_CLOCK, **tall)),
            full=True,
        ),
        Odd("another size from 3 s on, TS", "sizes.ts", _join_sizes),
    ]


def _beside_pictures() -> list[Odd]:
    """Files whose first packets bring what the decoder needs for all later ones, and only they."""
    return [
        Odd("grey with a palette, AVI", "palette.avi", lambda path: write_palette(path)),
        Odd("grey with a palette, MOV", "palette.mov", lambda path: write_palette(path)),
        Odd("another palette from 3 s on, AVI", "palettes.avi", lambda path: write_palette(path, turned_at=75)),
        Odd("Motion JPEG, tables in the first picture only", "tables.mkv", _tables_once),
        Odd("MPEG-2, other matrices from 4.3 s on, told once", "matrices.mkv", _matrices_once),
    ]


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


def _tables_once(path: Path) -> None:
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


def _matrices_once(path: Path) -> None:
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


def _sounds() -> list[Odd]:
    def with_sound(seconds: float, **options: object) -> Callable[[Path], object]:
        rate = int(options.get("rate", RATE))  # type: ignore[call-overload]
        channels = int(options.pop("channels", 1))  # type: ignore[call-overload]
        samples = noise(seconds, channels, rate)
        return lambda path: write_media(path, steady(6.0), sound=samples, **options)  # type: ignore[arg-type]

    return [
        Odd("no sound", "silent.mkv", _coded(Coding())),
        Odd("8 kHz mono PCM", "phone.mkv", with_sound(6.0, rate=8000), heard=(0.0, 6.0)),
        Odd(
            "96 kHz stereo FLAC", "fine.mkv", with_sound(6.0, rate=96_000, channels=2, sound_codec="flac"), heard=(0, 6)
        ),
        Odd("5.1 AC-3", "cinema.mkv", with_sound(6.0, channels=6, layout="5.1", sound_codec="ac3"), heard=(0, 6)),
        Odd("Opus, WebM", "opus.mkv", with_sound(6.0, channels=2, sound_codec="libopus"), heard=(0.0, 6.0)),
        Odd("AAC 44.1 kHz, MP4", "aac.mp4", with_sound(6.0, rate=44_100, sound_codec="aac"), heard=(0.0, 6.0)),
        Odd("sound half a second late", "later.mkv", with_sound(5.0, sound_start=0.5), heard=(0.5, 5.5)),
        Odd("sound half a second early", "early.mkv", with_sound(5.0, sound_start=-0.5), heard=(0.0, 4.5)),
        Odd("sound shorter than the picture", "short.mkv", with_sound(3.0), heard=(0.0, 3.0)),
        Odd("sound longer than the picture", "long.mkv", with_sound(9.0), heard=(0.0, 9.0)),
        Odd("two sound tracks, the second is the default", "two.mkv", _two_tracks, heard=(1.0, 4.0)),
    ]


def _broken() -> list[Odd]:
    grown = Coding(muxer={"movflags": "+faststart"}, options={"bf": "3", "g": "25"})
    gops = Coding(options={"bf": "3", "g": "25"})
    return [
        Odd("cut off at half, Matroska", "half.mkv", _shorten(gops, 0.5), broken=True, problem="cut off"),
        Odd(
            "cut off at half, WebM",
            "half.webm",
            _shorten(Coding("libvpx-vp9", options={"g": "25", "deadline": "realtime", "cpu-used": "8"}), 0.5),
            broken=True,
            problem="cut off",
        ),
        Odd("cut off at half, MP4 with its index first", "half.mp4", _shorten(grown, 0.5), broken=True, problem="cut"),
        Odd("cut off at half, TS (declares no length)", "half.ts", _shorten(gops, 0.5), duration=0.0, broken=True),
        Odd("last third zeros, MP4", "zeros.mp4", _blank(grown, 0.66), broken=True),
        Odd("last third zeros, TS", "zeros.ts", _blank(gops, 0.66), duration=0.0, broken=True),
        Odd("first fifth missing, TS", "tail.ts", _behead(gops, 0.2), duration=0.0, first=-1, full=True),
        Odd(
            "cut off, MP4 with its index last", "index.mp4", _shorten(gops, 0.5), np.zeros(0), problem="not a readable"
        ),
        Odd("of length zero", "empty.mp4", lambda path: path.write_bytes(b""), np.zeros(0), problem="it is empty"),
        Odd(
            "a web page",
            "page.mp4",
            lambda path: path.write_bytes(b"<html>404 Not Found</html>" * 50),
            np.zeros(0),
            problem="not a readable",
        ),
        Odd("sound only", "only.m4a", _sound_only, np.zeros(0), problem="no video stream"),
    ]


def _join_sizes(path: Path) -> None:
    """Two recordings one after the other in one stream, as receivers make them when the broadcast changes."""
    tables = []
    for number, (height, width) in enumerate([(48, 64), (96, 128)]):
        part = path.with_name(f"part{number}.ts")
        coding = Coding("mpeg2video", options={"bf": "0", "b": "2M"}, clock=AVI_CLOCK, height=height, width=width)
        write_media(part, steady(3.0), start=3.04 * number, coding=coding, first=75 * number)
        tables.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(tables))


def _two_tracks(path: Path) -> None:
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


def _sound_only(path: Path) -> None:
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


def _shorten(coding: Coding, share: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        content = _whole(path, coding)
        path.write_bytes(content[: round(len(content) * share)])

    return make


def _blank(coding: Coding, share: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        content = _whole(path, coding)
        kept = round(len(content) * share)
        path.write_bytes(content[:kept] + bytes(len(content) - kept))

    return make


def _behead(coding: Coding, share: float) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        content = _whole(path, coding)
        path.write_bytes(content[round(len(content) * share / 188) * 188 :])

    return make
