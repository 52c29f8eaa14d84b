"""Which frame is shown when, and which clips have a picture at all."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cli import UserError
from feature_extractors.media import Problems, frames_at, frames_of_clips, probe
from feature_extractors.media.container import open_media
from feature_extractors.media.frames import _prepare
from formats.grid import ClipGrid
from tests.feature_extractors.edited_media import noise
from tests.feature_extractors.made_media import Coding, read_number, steady, write_media


def numbers_at(file: Path, times: list[float]) -> list[int]:
    return [read_number(picture) for picture in frames_at(file, times)]


# 3.28 s: in binary 3.28 + 0.04 - 3.28 is more than 0.04, so that rounded differences show the frame before.
@pytest.mark.parametrize(("name", "start"), [("v.mp4", 0.0), ("v.mp4", 3.28), ("v.mkv", 3.28), ("v.ts", 0.0)])
def test_the_frame_shown_at_a_time_is_exact(tmp_path: Path, name: str, start: float) -> None:
    file = write_media(tmp_path / name, steady(4.0), start=start)
    with av.open(str(file)) as container:
        coded = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert coded != sorted(coded)  # B-frames: the order of packets is not that of pictures
    # At its very beginning, in its middle and just before its end each of the 100 frames is the one in view.
    times = [frame / 25 + part for frame in range(100) for part in (0.0, 0.02, 0.0399)]
    assert numbers_at(file, times) == [frame for frame in range(100) for _ in range(3)]


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_the_frame_shown_at_a_time_is_exact_at_a_variable_rate(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(1)
    times = np.concatenate([[0], np.cumsum(rng.integers(10, 200, size=99))]) / 1000  # ms, the clock of Matroska
    file = write_media(tmp_path / name, times)
    asked = np.sort(np.concatenate([times, times[1:] - 0.0005, rng.uniform(0, times[-1], 50)]))
    expected = np.searchsorted(times, asked, side="right") - 1
    assert numbers_at(file, asked.tolist()) == expected.tolist()


def test_the_last_frame_stays_in_view_and_nothing_is_asked_for_nothing(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mp4", steady(1.0))
    assert numbers_at(file, [0.5, 0.5, 0.99, 7.0, 9.0]) == [12, 12, 24, 24, 24]
    assert numbers_at(file, []) == []


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_pictures_are_upright(tmp_path: Path, rotation: int) -> None:
    file = write_media(tmp_path / "v.mp4", steady(0.4), rotation=rotation)
    with av.open(str(file)) as container:
        coded = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert coded.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    if rotation == -90:
        # Telephones held upright write this matrix into the track header: x to the bottom, y to the left, which is a
        # quarter turn to the right (QuickTime file format, "Matrices").
        assert np.array([0, 65536, 0, -65536, 0, 0], ">i4").tobytes() in file.read_bytes()
    assert numbers_at(file, [0.0, 0.2, 0.36]) == [0, 5, 9]  # turned the other way, the bits would be in reverse


# (a, b, c, d): what lies at (x, y) is shown at (a x + c y, b x + d y) (QuickTime file format, "Matrices").
@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),  # left and right change places: selfies
        ((1, 0, 0, -1), lambda picture: picture[::-1]),
        ((-1, 0, 0, -1), lambda picture: picture[::-1, ::-1]),
        ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda picture: picture.transpose(1, 0, 2)[::-1, ::-1]),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture)),
    ],
)
def test_mirrored_pictures_are_as_players_show_them(
    tmp_path: Path, matrix: tuple[int, ...], shown: Callable[[np.ndarray], np.ndarray]
) -> None:
    file = tmp_path / "v.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p")
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:16, :16] = 255  # a mark in one corner, and half of one in the next: no two ways of showing are alike
        picture[:16, 48:] = 128
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    plain = next(frames_at(file, [0.1]))
    content = bytearray(file.read_bytes())
    track = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (value * 65536 for value in matrix)
    content[track : track + 36] = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    file.write_bytes(content)
    np.testing.assert_array_equal(next(frames_at(file, [0.1])), shown(plain))


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_pictures_with_exif(tmp_path: Path, orientation: int, turns: int) -> None:
    """Such as in the Motion JPEG of cameras. PyAV does not know this kind of side data and raises for all of it."""
    ramp = np.add.outer(np.arange(48) * 4, np.arange(64)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "v.mjpeg"
    Image.fromarray(ramp).convert("RGB").save(file, format="jpeg", quality=100, exif=exif)
    plain = np.asarray(Image.open(file).convert("RGB"), np.int64)
    file.write_bytes(2 * file.read_bytes())  # a single one is a picture and no video
    shown = next(frames_at(file, [0.0]))
    assert abs(shown - np.rot90(plain, turns)).max() < 6


def test_frames_spread_over_clips(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mp4", steady(4.0))
    shown = [(clip, read_number(picture)) for clip, picture in frames_of_clips(file, 2, 2.0, per_clip=4)]
    # At 0.25, 0.75, 1.25 and 1.75 s of each: the frame at 0.25 s began at 6 / 25 s.
    assert shown == [(0, 6), (0, 18), (0, 31), (0, 43), (1, 56), (1, 68), (1, 81), (1, 93)]


def test_the_last_frame_stays_for_the_rest_of_its_clip_only(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mp4", steady(2.6))
    problems = Problems()
    shown = [(clip, read_number(picture)) for clip, picture in frames_of_clips(file, 5, 1.0, problems=problems)]
    assert shown == [(0, 12), (1, 37), (2, 62)]
    assert str(problems) == "no picture in 2 of 5 clips"
    shown = [(clip, read_number(picture)) for clip, picture in frames_of_clips(file, 2, 2.0)]
    assert shown == [(0, 25), (1, 64)]  # the frame of second 3 is missing: the last, at 2.56 s, is still in view


def test_one_thread_decodes(tmp_path: Path) -> None:
    """With several, FFmpeg guesses otherwise at what is damaged, so that features would depend on the machine."""
    file = write_media(tmp_path / "v.mp4", steady(1.0))
    with open_media(file) as container:
        assert _prepare(file, container).codec_context.thread_count == 1


def test_a_file_cut_without_encoding_starts_where_players_start_it(tmp_path: Path) -> None:
    # As `ffmpeg -ss 1 -c copy` leaves it: a second of packets before the beginning, hidden by an edit list.
    file = write_media(tmp_path / "v.mp4", steady(4.0), start=-1.0, sound=noise(3.0), sound_codec="aac")
    video = probe(tmp_path, file, ClipGrid(seconds=1.0))
    assert (video.duration_s, video.n_clips) == (3.0, 3)
    assert numbers_at(file, [0.0, 1.0, 2.96]) == [25, 50, 99]


def test_a_video_whose_decoder_does_not_open_is_named(tmp_path: Path) -> None:
    """An AVI file without the codec and the size of its pictures: FFmpeg takes it for raw pictures of no size."""
    path = write_media(tmp_path / "a.avi", steady(1.0), coding=Coding("mjpeg", "yuvj420p", {}, clock=Fraction(1, 25)))
    content = bytearray(path.read_bytes())
    about = content.index(b"strf") + 8  # a BITMAPINFOHEADER: its own size, then width, height, ..., compression, ...
    content[about + 4 : about + 40] = bytes(36)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.avi: no video frame can be decoded"):
        list(frames_at(path, [0.5]))
