"""Odd media files of many kinds, each with numbered pictures at known times: what phones, cameras and cut-off downloads
produce. Used by the tests and by benchmarks/robustness/odd_media.py, which writes the table of
docs/measurements/extraction.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from tests.feature_extractors.edited_media import (
    AVI_CLOCK,
    RATE,
    behead,
    blank,
    noise,
    shorten,
    write_matrices_once,
    write_palette,
    write_sound_only,
    write_tables_once,
    write_two_sizes,
    write_two_tracks,
)
from tests.feature_extractors.made_media import Coding, steady, write_media


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
            "30000/1001 frames per second",
            "ntsc.mp4",
            lambda path: write_media(path, ntsc, coding=Coding(rate=Fraction(30000, 1001))),
            times=ntsc,
            duration=float(ntsc[-1]) + 1001 / 30000,
        ),
        Odd(
            "120 frames per second",
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
        Odd("another size from 3 s on, TS", "sizes.ts", write_two_sizes),
    ]


def _beside_pictures() -> list[Odd]:
    """Files whose first packets bring what the decoder needs for all later ones, and only they."""
    return [
        Odd("grey with a palette, AVI", "palette.avi", lambda path: write_palette(path)),
        Odd("grey with a palette, MOV", "palette.mov", lambda path: write_palette(path)),
        Odd("another palette from 3 s on, AVI", "palettes.avi", lambda path: write_palette(path, turned_at=75)),
        Odd("Motion JPEG, tables in the first picture only", "tables.mkv", write_tables_once),
        Odd("MPEG-2, other matrices from 4.3 s on, told once", "matrices.mkv", write_matrices_once),
    ]


def _sounds() -> list[Odd]:
    def with_sound(seconds: float, **options: object) -> Callable[[Path], object]:
        rate = int(options.get("rate", RATE))  # type: ignore[call-overload]
        channels = int(options.pop("channels", 1))  # type: ignore[call-overload]

        def make(path: Path) -> object:
            # Drawn here, as tests are collected by each process.
            return write_media(path, steady(6.0), sound=noise(seconds, channels, rate), **options)  # type: ignore[arg-type]

        return make

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
        Odd("two sound tracks, the second is the default", "two.mkv", write_two_tracks, heard=(1.0, 4.0)),
    ]


def _broken() -> list[Odd]:
    grown = Coding(muxer={"movflags": "+faststart"}, options={"bf": "3", "g": "25"})
    gops = Coding(options={"bf": "3", "g": "25"})
    return [
        Odd("cut off at half, Matroska", "half.mkv", shorten(gops, 0.5), broken=True, problem="cut off"),
        Odd(
            "cut off at half, WebM",
            "half.webm",
            shorten(Coding("libvpx-vp9", options={"g": "25", "deadline": "realtime", "cpu-used": "8"}), 0.5),
            broken=True,
            problem="cut off",
        ),
        Odd("cut off at half, MP4 with its index first", "half.mp4", shorten(grown, 0.5), broken=True, problem="cut"),
        Odd("cut off at half, TS (declares no length)", "half.ts", shorten(gops, 0.5), duration=0.0, broken=True),
        Odd("last third zeros, MP4", "zeros.mp4", blank(grown, 0.66), broken=True),
        Odd("last third zeros, TS", "zeros.ts", blank(gops, 0.66), duration=0.0, broken=True),
        Odd("first fifth missing, TS", "tail.ts", behead(gops, 0.2), duration=0.0, first=-1, full=True),
        Odd("cut off, MP4 with its index last", "index.mp4", shorten(gops, 0.5), np.zeros(0), problem="not a readable"),
        Odd("of length zero", "empty.mp4", lambda path: path.write_bytes(b""), np.zeros(0), problem="it is empty"),
        Odd(
            "a web page",
            "page.mp4",
            lambda path: path.write_bytes(b"<html>404 Not Found</html>" * 50),
            np.zeros(0),
            problem="not a readable",
        ),
        Odd("sound only", "only.m4a", write_sound_only, np.zeros(0), problem="no video stream"),
    ]
