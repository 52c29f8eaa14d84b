"""What a file holds, and what becomes of files that are no video."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from cli import UserError
from feature_extractors.decode import Problems, examine, frames_at, open_sound, probe
from feature_extractors.manifest import ClipConfig, locate_videos
from tests.feature_extractors.media import read_number, steady, write_media
from tests.feature_extractors.odd_media import noise

RATE = 48_000


def numbers_at(file: Path, times: list[float]) -> list[int]:
    return [read_number(picture) for picture in frames_at(file, times)]


def test_probe_counts_the_pictures_not_the_sound(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mkv", steady(5.0), start=2.0, sound=noise(9.0))
    video = probe(tmp_path, file, ClipConfig())
    assert (video.vid, video.file, video.has_audio) == ("v", "v.mkv", True)
    assert (video.duration_s, video.n_clips) == (5.0, 2)
    assert video.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert not probe(tmp_path, write_media(tmp_path / "w.mp4", steady(1.0)), ClipConfig()).has_audio


def test_names_that_ffmpeg_would_read_as_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vids = ["-i", "_v", "http:v", "a b", "[v]*?", "%03d", "concat:a|b", "v'\"$(x)", "видео"]
    for number, vid in enumerate(vids):
        write_media(tmp_path / f"{vid}.mkv", steady(0.2 + 0.04 * number))
    monkeypatch.chdir(tmp_path)  # a relative name starts with the dash or the protocol itself
    for number, (vid, file) in enumerate(locate_videos(Path(), vids)[0].items()):
        assert file.name == str(file) == f"{vid}.mkv"
        assert probe(Path(), file, ClipConfig()).duration_s == pytest.approx(0.2 + 0.04 * number, abs=0.001)
        assert numbers_at(file, [9.0]) == [4 + number]


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "cut", "sound", "folder"])
def test_files_that_are_no_video_are_named_in_one_line(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "v.mp4"
    if kind == "folder":
        file.mkdir()
    elif kind == "sound":
        with av.open(str(file), "w") as container:
            container.mux(container.add_stream("aac", rate=RATE).encode(sound_frame()))
    elif kind == "cut":  # the index of an MP4 lies at its end
        write_media(file, steady(1.0))
        file.write_bytes(file.read_bytes()[:1000])
    elif kind != "missing":
        file.write_bytes(b"" if kind == "empty" else b"<html>404 Not Found</html>" * 50)
    readers = [lambda: probe(tmp_path, file, ClipConfig()), lambda: list(frames_at(file, [0.0]))]
    if kind != "sound":
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
    video = examine(tmp_path, "v", tmp_path / "v.mp4", "", ClipConfig())
    assert (video.vid, video.file, video.n_clips, video.duration_s) == ("v", "v.mp4", 0, 0.0)
    assert video.problem == "not a readable media file: it is empty"
    missing = examine(tmp_path, "w", None, "no video 'w'", ClipConfig())
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
    with pytest.raises(UserError, match="no video stream"):
        probe(tmp_path, file, ClipConfig())


def test_tags_need_not_be_utf8(tmp_path: Path) -> None:
    """Cameras and old programs write titles in the encoding of their country."""
    file = write_media(tmp_path / "v.mkv", steady(3.0), sound=noise(3.0))
    content = file.read_bytes()
    assert b"Lavf" in content  # the name of the writing program, which is such a tag
    file.write_bytes(content.replace(b"Lavf", b"Lav\xe9"))
    with pytest.raises(UnicodeDecodeError), av.open(str(file)) as container:
        assert container.metadata is None
    video = examine(tmp_path, "v", file, "", ClipConfig())
    assert (video.n_clips, video.has_audio, video.problem) == (1, True, "")
    assert numbers_at(file, [1.0]) == [25]
    assert open_sound(file, RATE, 0.0, Problems()) is not None


def test_what_nobody_foresaw_costs_one_video_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_media(tmp_path / "v.mkv", steady(3.0))

    def wrong(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(sys.modules["feature_extractors.decode.probe"], "pick_sound", wrong)
    video = examine(tmp_path, "v", file, "", ClipConfig())
    assert (video.n_clips, video.problem) == (0, "ZeroDivisionError: by nothing")
    assert "Traceback" in caplog.text and "in wrong" in caplog.text
