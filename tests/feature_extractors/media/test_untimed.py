"""Streams whose packets do not all say when pictures are shown: bare ones, and those of program streams and AVI."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from feature_extractors.doctor.media_facts import inspect_media
from feature_extractors.media import frames_of_clips, probe
from feature_extractors.media.untimed import UNKNOWN, Pace, deal_out
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import Coding, numbered, read_number, steady, write_media

X264 = {"bf": "3", "g": "50"}
X265 = "keyint=50:bframes=3:log-level=none"
HEVC = {"preset": "ultrafast", "x265-params": X265}


def write_bare(
    path: Path,
    form: str,
    codec: str,
    options: Mapping[str, str],
    *,
    frames: int = 200,
    rate: int = 25,
    clock: Fraction | None = None,
) -> Path:
    """Numbered pictures (modulo 256) in a format that PyAV would not choose by the file's name."""
    clock = clock or Fraction(1, rate)
    with av.open(str(path), "w", format=form) as container:
        pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream = container.add_stream(codec, rate=rate, width=96, height=72, pix_fmt=pixels, options=dict(options))
        stream.codec_context.time_base = clock
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered(number % 256, 72, 96), format="rgb24")
            frame.pts, frame.time_base = round(number / rate / clock), clock
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def numbers(file: Path, clips: int, seconds: float) -> list[int]:
    return [read_number(picture, None) for _, picture in frames_of_clips(file, clips, seconds)]


@pytest.mark.parametrize(
    ("name", "form", "codec", "options", "rate", "clock", "assumed"),
    [
        ("v.h264", "h264", "libx264", X264, 25, None, False),
        ("v.h264", "h264", "libx264", X264, 30, None, False),
        # A clock of 90,000 ticks a second, as programs write it that take any times: its rate is no frame rate.
        ("v.h264", "h264", "libx264", X264, 25, Fraction(1, 90_000), True),
        ("v.hevc", "hevc", "libx265", HEVC, 30, None, False),
        # No timing at all: FFmpeg 8.1 gives the packets from the 59th on a duration of one tick of 1,200,000.
        ("v.hevc", "hevc", "libx265", {**HEVC, "x265-params": f"{X265}:vui-timing-info=0"}, 25, None, True),
        ("v.m1v", "mpeg1video", "mpeg1video", {"bf": "2"}, 25, None, False),
        ("v.m2v", "mpeg2video", "mpeg2video", {"bf": "2"}, 25, None, False),
        ("v.m4v", "m4v", "mpeg4", {"bf": "2"}, 25, None, False),
        ("v.mjpeg", "mjpeg", "mjpeg", {}, 25, None, True),
    ],
)
def test_bare_streams_have_a_frame_rate(
    tmp_path: Path,
    name: str,
    form: str,
    codec: str,
    options: Mapping[str, str],
    rate: int,
    clock: Fraction | None,
    assumed: bool,
) -> None:
    file = write_bare(tmp_path / name, form, codec, options, frames=8 * rate, rate=rate, clock=clock)
    video = probe(tmp_path, file, ClipGrid(seconds=1.0))
    assert (video.duration_s, video.n_clips, video.problem) == (pytest.approx(8.0, abs=0.001), 8, "")
    assert numbers(file, 8, 1.0) == [(clip * rate + rate // 2) % 256 for clip in range(8)]
    facts = inspect_media(file).pictures
    assert (facts.frames, facts.uneven) == (8 * rate, False) and facts.fps == pytest.approx(rate, abs=0.01)
    assert facts.notes == (("no frame rate in the stream: 25 frames per second assumed",) if assumed else ())


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", X264),
        ("libx264", {"bf": "0", "g": "50"}),
        ("libx264", {"bf": "5", "g": "250", "x264-params": "b-pyramid=normal:ref=4"}),
        ("libx265", HEVC),
        ("mpeg2video", {"bf": "2"}),
        ("mpeg4", {"bf": "2"}),
    ],
)
def test_program_streams_keep_step_with_their_clock(tmp_path: Path, codec: str, options: Mapping[str, str]) -> None:
    """A packet of the multiplex holds some 45 of these pictures, and gives the first of them a time."""
    file = write_bare(tmp_path / "v.vob", "vob", codec, options, frames=1500)
    with av.open(str(file)) as container:
        timeless = sum(packet.pts is None for packet in container.demux(video=0) if packet.size)
    assert (timeless > 1000) == codec.startswith("lib")
    video = probe(tmp_path, file, ClipGrid())
    assert (video.duration_s, video.n_clips) == (pytest.approx(60.0, abs=0.001), 30)
    assert numbers(file, 30, 2.0) == [(50 * clip + 25) % 256 for clip in range(30)]
    if codec.startswith("lib"):  # of two pictures of the others FFmpeg says the same time
        facts = inspect_media(file).pictures
        assert (facts.frames, facts.uneven) == (1500, False)


def test_a_pause_in_a_program_stream_is_kept(tmp_path: Path) -> None:
    """Without B-frames, so that the first packets after the pause have times of their own."""
    times = np.concatenate([steady(20.0), 35.0 + steady(20.0)])
    coding = Coding(options={"bf": "0", "g": "25"}, clock=Fraction(1, 25))
    file = write_media(tmp_path / "v.vob", times, coding=coding)
    video = probe(tmp_path, file, ClipGrid())
    assert video.duration_s == pytest.approx(55.0, abs=0.5)
    shown = dict(frames_of_clips(file, video.n_clips, 2.0))
    assert read_number(shown[4]) == 225 and read_number(shown[22]) == (500 + 250) % 256


def test_pictures_in_avi_begin_with_the_file(tmp_path: Path) -> None:
    """FFmpeg gives the first picture the time of the second, and its sound would come 40 ms early."""
    file = write_media(tmp_path / "v.avi", steady(6.0), coding=Coding(clock=Fraction(1, 25)))
    video = probe(tmp_path, file, ClipGrid())
    assert (video.start_s, video.duration_s) == (0.0, 6.0)


def test_times_are_dealt_out_between_those_that_are_known() -> None:
    none = UNKNOWN
    # Decoded at 100, 110, ...; shown 20 later. Every fourth packet tells the former, the first the latter.
    dts = np.array([100, none, none, none, 140, none, none, none, 180, none])
    pts = np.array([120, none, none, none, none, none, none, none, none, none])
    times, step = deal_out(pts, dts, None, made_up=False)
    assert times.tolist() == list(range(120, 220, 10)) and step == 10
    # Made up: as decoded.
    assert deal_out(pts, dts, None, made_up=True)[0].tolist() == list(range(100, 200, 10))
    # The first packets without.
    assert deal_out(np.full(4, none), np.array([none, none, 30, 40]), None, made_up=False)[0].tolist() == [
        10,
        20,
        30,
        40,
    ]
    # None at all: a frame after the other, in steps that are no whole ticks.
    assert deal_out(np.full(4, none), np.full(4, none), 2.5, made_up=False)[0].tolist() == [0, 2, 5, 8]


def test_a_time_given_to_the_picture_before_is_put_on_the_pace() -> None:
    """So FFmpeg 8.1 does with program streams, now and then."""
    dts = np.full(60, UNKNOWN)
    dts[[0, 10, 19, 30, 40, 59]] = [0, 1000, 2000, 3000, 4000, 5900]  # that of picture 20 at 19
    assert deal_out(dts, dts, None, made_up=False)[0].tolist() == list(range(0, 6000, 100))
    dts[59] = 9900  # a pause is kept, not smoothed over
    times = deal_out(dts, dts, None, made_up=False)[0]
    assert times[:41].tolist() == list(range(0, 4100, 100)) and times[59] == 9900


def test_frames_without_a_time_go_on_at_the_pace_of_those_with_one() -> None:
    """Two packets a frame, a field each: what is counted in packets would be at half the pace."""
    pace = Pace(np.arange(100) * 0.02, step=0.02, sparse=True)
    times = [pace.begin(0.04 * frame if frame % 8 == 0 else None) for frame in range(40)]
    assert times[8:] == pytest.approx([0.04 * frame for frame in range(8, 40)])
    # A pause of 3 s between two known times is no pace.
    assert pace.begin(4.6) == 4.6
    assert [pace.begin(None) for _ in range(3)] == pytest.approx([4.64, 4.68, 4.72])
    # Times never go back.
    assert pace.begin(4.7) == pytest.approx(4.72)


def test_frames_are_counted_where_few_have_a_time_and_those_agree() -> None:
    """The time of frame 20 is given to frame 18; that of frame 30 is right."""
    pace = Pace(np.arange(100) * 0.04, step=0.04, sparse=True)
    own = {0: 0.0, 18: 0.8, 30: 1.2}
    assert [pace.begin(own.get(frame)) for frame in range(40)] == (np.arange(40) * 0.04).tolist()
    # Where most have one, each counts.
    pace = Pace(np.arange(100) * 0.04, step=0.04, sparse=False)
    assert [pace.begin(time) for time in (0.0, 0.05, None, 0.13)] == [0.0, 0.05, pytest.approx(0.1), 0.13]


def test_lost_frames_do_not_shift_the_rest() -> None:
    pace = Pace(np.arange(200) * 0.04, step=0.04, sparse=True)
    times = [pace.begin(0.04 * frame if frame % 20 == 0 else None) for frame in [*range(50), *range(70, 110)]]
    assert times[60:] == pytest.approx([0.04 * frame for frame in range(80, 110)])


def test_frames_of_which_none_has_a_time_are_counted() -> None:
    pace = Pace(np.array([0.0, 0.5, 1.25]), step=0.5, sparse=True)
    assert [pace.begin(None) for _ in range(4)] == [0.0, 0.5, 1.25, 1.25]
