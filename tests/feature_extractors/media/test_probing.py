"""What a file holds, and what becomes of files that are no video."""

from __future__ import annotations

import hashlib
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from cli import UserError
from feature_extractors.media import Problems, examine, examine_all, frames_at, open_sound, probe
from feature_extractors.media.in_flight import InFlight
from feature_extractors.video_files import locate_videos
from formats.grid import ClipGrid
from formats.video_table import Video
from tests.feature_extractors.edited_media import noise
from tests.feature_extractors.made_media import Coding, read_number, steady, write_media

RATE = 48_000
ROOT = Path(__file__).parents[3]


def numbers_at(file: Path, times: list[float]) -> list[int]:
    return [read_number(picture) for picture in frames_at(file, times)]


def test_probe_counts_the_pictures_not_the_sound(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mkv", steady(5.0), start=2.0, sound=noise(9.0), sound_start=2.0)
    video = probe(tmp_path, file, ClipGrid())
    assert (video.vid, video.file, video.has_audio) == ("v", "v.mkv", True)
    assert (video.duration_s, video.n_clips) == (5.0, 2)
    assert video.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert not probe(tmp_path, write_media(tmp_path / "w.mp4", steady(1.0)), ClipGrid()).has_audio


def test_names_that_ffmpeg_would_read_as_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vids = ["-i", "_v", "http:v", "a b", "[v]*?", "%03d", "concat:a|b", "v'\"$(x)", "видео"]
    for number, vid in enumerate(vids):
        write_media(tmp_path / f"{vid}.mkv", steady(0.2 + 0.04 * number))
    monkeypatch.chdir(tmp_path)  # a relative name starts with the dash or the protocol itself
    for number, (vid, file) in enumerate(locate_videos(Path(), vids)[0].items()):
        assert file.name == str(file) == f"{vid}.mkv"
        assert probe(Path(), file, ClipGrid()).duration_s == pytest.approx(0.2 + 0.04 * number, abs=0.001)
        assert numbers_at(file, [9.0]) == [4 + number]


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "cut", "folder"])
def test_files_that_are_no_video_are_named_in_one_line(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "v.mp4"
    if kind == "folder":
        file.mkdir()
    elif kind == "cut":  # the index of an MP4 lies at its end
        write_media(file, steady(1.0))
        file.write_bytes(file.read_bytes()[:1000])
    elif kind != "missing":
        file.write_bytes(b"" if kind == "empty" else b"<html>404 Not Found</html>" * 50)
    readers = [lambda: probe(tmp_path, file, ClipGrid()), lambda: list(frames_at(file, [0.0]))]
    readers.append(lambda: open_sound(file, 32_000, 0.0, Problems()))
    for read in readers:
        with pytest.raises(UserError) as problem:
            read()
        assert str(problem.value).startswith(f"{file}: ") and "\n" not in str(problem.value)


def sound_frame() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(noise(1.0), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    return frame


def test_a_broken_file_is_a_row_without_clips_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_bytes(b"")
    video = examine(tmp_path, "v", tmp_path / "v.mp4", "", ClipGrid())
    assert (video.vid, video.file, video.n_clips, video.duration_s) == ("v", "v.mp4", 0, 0.0)
    assert video.problem == "not a readable media file: it is empty"
    missing = examine(tmp_path, "w", None, "no video 'w'", ClipGrid())
    assert (missing.file, missing.n_clips, missing.sha256, missing.problem) == ("", 0, "", "no video 'w'")


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    file = tmp_path / "song.mp4"
    with av.open(str(file), "w") as container:
        track = container.add_stream("aac", rate=RATE, layout="mono")
        cover = container.add_stream("mjpeg", rate=25, width=64, height=48, pix_fmt="yuvj420p")
        cover.disposition = Disposition.attached_pic
        container.mux(track.encode(sound_frame()))
        container.mux(track.encode(None))
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(cover.encode(None))
    video = probe(tmp_path, file, ClipGrid())  # of the sound
    assert video.has_audio and video.duration_s == pytest.approx(1.0, abs=0.05)
    with pytest.raises(UserError, match="no video stream"):
        list(frames_at(file, [0.0]))


SOUNDS = {
    "a.wav": ("pcm_s16le", 44_100),
    "a.flac": ("flac", 44_100),
    "a.mp3": ("libmp3lame", 44_100),
    "a.m4a": ("aac", 44_100),
    "a.ogg": ("flac", 44_100),
    "a.opus": ("libopus", 48_000),
    "a.mka": ("pcm_s16le", 44_100),
    "a.webm": ("libopus", 48_000),
    "a.mp4": ("aac", 48_000),
}


def write_sound(file: Path, codec: str, rate: int, seconds: float = 7.5, start: float = 0.0) -> Path:
    with av.open(f"file:{file}", "w") as container:
        track = container.add_stream(codec, rate=rate, layout="mono")
        form = {"pcm_s16le": "s16", "flac": "s16", "libopus": "flt"}.get(codec, "fltp")
        resampler = av.AudioResampler(format=form, layout=track.layout, rate=rate, frame_size=track.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(noise(seconds, rate=rate), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate), Fraction(1, rate)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(track.encode(piece))
        container.mux(track.encode(None))
    return file


@pytest.mark.parametrize("name", SOUNDS)
def test_sound_alone_is_a_video_without_pictures(tmp_path: Path, name: str) -> None:
    """The grid is that of the sound: 7.5 s are three clips. Codecs put up to a tenth of a second around it."""
    file = write_sound(tmp_path / name, *SOUNDS[name])
    files, causes = locate_videos(tmp_path, ["a"])
    assert files == {"a": file} and not causes
    video = examine(tmp_path, "a", file, "", ClipGrid())
    assert (video.n_clips, video.has_audio, video.start_s, video.problem) == (3, True, 0.0, "")
    assert video.duration_s == pytest.approx(7.5, abs=0.1)
    track = open_sound(file, 16_000, video.start_s, Problems())
    assert track is not None and sum(map(len, track.chunks())) / 16_000 == pytest.approx(7.5, abs=0.1)


def test_sound_alone_counts_from_its_own_beginning(tmp_path: Path) -> None:
    """Recordings of broadcasts start anywhere on their clock."""
    file = write_sound(tmp_path / "a.ts", "aac", 48_000, start=30.0)
    video = probe(tmp_path, file, ClipGrid())
    assert video.start_s > 29 and video.duration_s == pytest.approx(7.5, abs=0.1)


@pytest.mark.parametrize("name", ["a.flac", "a.mka"])
def test_sound_that_was_cut_off_is_as_long_as_declared(tmp_path: Path, name: str) -> None:
    file = write_sound(tmp_path / name, *SOUNDS[name])
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    video = probe(tmp_path, file, ClipGrid())
    assert video.n_clips == 3 and video.problem.startswith("cut off: ends at 2.")


def test_what_is_called_sound_but_holds_none_is_a_row_without_clips(tmp_path: Path) -> None:
    for name, content in (("a.mp3", b"<html>404 Not Found</html>" * 50), ("b.wav", b""), ("c.aac", bytes(5000))):
        (tmp_path / name).write_bytes(content)
        video = examine(tmp_path, name[0], tmp_path / name, "", ClipGrid())
        assert video.n_clips == 0 and video.problem and "\n" not in video.problem


def test_tags_need_not_be_utf8(tmp_path: Path) -> None:
    """Cameras and old programs write titles in the encoding of their country."""
    file = write_media(tmp_path / "v.mkv", steady(3.0), sound=noise(3.0))
    content = file.read_bytes()
    assert b"Lavf" in content  # the name of the writing program, which is such a tag
    file.write_bytes(content.replace(b"Lavf", b"Lav\xe9"))
    with pytest.raises(UnicodeDecodeError), av.open(str(file)) as container:
        assert container.metadata is None
    video = examine(tmp_path, "v", file, "", ClipGrid())
    assert (video.n_clips, video.has_audio, video.problem) == (1, True, "")
    assert numbers_at(file, [1.0]) == [25]
    assert open_sound(file, RATE, 0.0, Problems()) is not None


def test_a_video_that_grows_meanwhile_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is still being copied."""
    files = {vid: write_media(tmp_path / f"{vid}.mkv", steady(2.0)) for vid in ("a", "b")}
    whole = files["a"].read_bytes()
    files["a"].write_bytes(whole[: len(whole) // 2])
    probing = sys.modules["feature_extractors.media.probing"]
    look = probing.examine

    def copy_on(folder: Path, vid: str, *rest: Any) -> Video:
        if vid == "b":
            files["a"].write_bytes(whole)
        return look(folder, vid, *rest)

    flight = InFlight(tmp_path / "flight")
    message = r"a\.mkv: changed while the videos were read: run again when all are copied$"
    with monkeypatch.context() as patch, pytest.raises(UserError, match=message):
        patch.setattr(probing, "examine", copy_on)
        examine_all(tmp_path, files, files, {}, ClipGrid(), flight)
    table = examine_all(tmp_path, files, files, {}, ClipGrid(), flight)
    assert [video.n_clips for video in table] == [1, 1]


DASH = {"movflags": "dash+delay_moov+frag_keyframe+global_sidx"}
FRAGMENTED = {"movflags": "dash+delay_moov+frag_keyframe+skip_sidx"}


@pytest.mark.parametrize(
    ("name", "muxer", "declares"),
    [
        ("v.mp4", DASH, 3606.0),
        ("v.mp4", FRAGMENTED, 6.0),
        ("v.mp4", {}, 6.0),
        ("v.mkv", {}, None),
        ("v.flv", {}, None),
        ("v.ts", {}, None),
        ("v.mov", DASH, 3606.0),
    ],
)
def test_a_clock_that_starts_late_is_no_length(
    tmp_path: Path, name: str, muxer: dict[str, str], declares: float | None
) -> None:
    """Segments of a live stream with their init in front: second 0 of the file is second 3600 of its clock."""
    file = write_media(
        tmp_path / name,
        steady(6.0),
        start=3600.0,
        sound=noise(6.0),
        sound_start=3600.0,
        sound_codec="aac",
        coding=Coding(muxer=muxer),
    )
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        if declares is not None:
            assert float(stream.duration * stream.time_base) == pytest.approx(declares, abs=0.01)
    video = probe(tmp_path, file, ClipGrid())
    assert (video.duration_s, video.n_clips, video.problem) == (pytest.approx(6.0, abs=0.05), 3, "")
    assert video.start_s == pytest.approx(3600.0, abs=2.0)  # transport streams start a little later
    assert numbers_at(file, [0.0, 1.0, 5.9]) == [0, 25, 147]


def test_a_late_clock_and_a_file_cut_off(tmp_path: Path) -> None:
    """The index at its front says that there are 6 s."""
    file = write_media(tmp_path / "v.mp4", steady(6.0), start=3600.0, coding=Coding(options={"g": "25"}, muxer=DASH))
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    video = probe(tmp_path, file, ClipGrid())
    assert (video.duration_s, video.n_clips) == (pytest.approx(6.0, abs=0.05), 3)
    assert video.problem.startswith("cut off: ends at ") and video.problem.endswith(" of 6.0 s")
