"""Previews: pictures from the middle of clips, what browsers play, and copies with the frames at their own times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feature_extractors.__main__ import main
from feature_extractors.media import probe
from feature_extractors.media.frames import frames_at
from feature_extractors.media.previews import copy_for_browsers, make_preview
from formats.grid import ClipGrid
from formats.rows import Row, write_rows
from formats.strip import Preview, read_previews
from formats.video_table import write_table
from tests.feature_extractors.made_media import Coding, read_number, steady, write_media

FPS = 10
SOUND = np.sin(np.arange(8 * 48_000) / 20)[None] / 2


def preview_of(file: Path, most: int = 40) -> Preview:
    return make_preview(file.parent, probe(file.parent, file, ClipGrid()), 2.0, most, "0", file.parent)


def numbers(file: Path, count: int) -> list[int]:
    strip = np.asarray(Image.open(file).convert("RGB"))
    return [read_number(picture, size=None) for picture in np.split(strip, count, axis=1)]


def test_pictures_are_key_frames_near_the_middle_of_clips_else_the_middle(tmp_path: Path) -> None:
    # A key frame every 4.9 seconds, at 0, 4.9 and 9.8 s: only the second one is within half a second of a middle.
    coding = Coding(options={"bf": "3", "g": "49", "keyint_min": "49", "sc_threshold": "0"})
    file = write_media(tmp_path / "a.mp4", steady(12, FPS), start=0.5, coding=coding)
    preview = preview_of(file)
    assert (preview.count, preview.seconds, preview.pictures) == (6, 12.0, "0.jpg")
    assert numbers(tmp_path / "0.jpg", 6) == [10, 30, 49, 70, 90, 110]
    assert preview_of(file, most=3).count == 3
    # Of parts of 4 s, key frames within a second of the middle count, and there are none at 2, 6 and 10 s but 9.8.
    assert numbers(tmp_path / "0.jpg", 3) == [20, 60, 98]


def test_a_part_without_a_picture_is_grey(tmp_path: Path) -> None:
    file = write_media(tmp_path / "a.mp4", steady(4, FPS))
    video = replace(probe(tmp_path, file, ClipGrid()), n_clips=4)
    make_preview(tmp_path, video, 2.0, 40, "0", tmp_path)
    strip = np.asarray(Image.open(tmp_path / "0.jpg").convert("RGB"))
    assert np.abs(strip[:, 128 + 8 :].astype(int) - 128).max() < 12 and strip[:, :128].std() > 50


@pytest.mark.parametrize(
    ("name", "coding", "sound_codec", "codecs", "plays"),
    [
        ("a.mp4", Coding(), "aac", "h264, aac", True),
        ("a.mp4", Coding(), "", "h264", True),
        ("a.mp4", Coding(), "mp3", "h264, mp3", True),
        ("a.mov", Coding(), "mp3", "h264, mp3", True),
        ("a.mp4", Coding(pixels="yuv444p"), "", "h264", False),
        ("a.mkv", Coding(), "aac", "h264, aac", False),
        ("a.avi", Coding(codec="mpeg4", clock=Coding().rate ** -1), "", "mpeg4", False),
        ("a.webm", Coding(codec="libvpx-vp9", options={"cpu-used": "8"}), "", "vp9", True),
        ("a.webm", Coding(codec="libsvtav1", options={"preset": "12"}), "libopus", "av1, opus", True),
        ("a.webm", Coding(codec="libvpx", options={"cpu-used": "8"}), "libopus", "vp8, opus", True),
        ("a.mp4", Coding(codec="libx265", options={"x265-params": "log-level=none"}), "", "hevc", False),
    ],
)
def test_what_browsers_play(
    name: str, coding: Coding, sound_codec: str, codecs: str, plays: bool, tmp_path: Path
) -> None:
    sound = {"sound": SOUND, "sound_codec": sound_codec} if sound_codec else {}
    preview = preview_of(write_media(tmp_path / name, steady(4, 25), coding=coding, **sound))
    assert (preview.codecs, preview.plays) == (codecs, plays)


def test_a_copy_has_the_frames_at_their_own_times(tmp_path: Path) -> None:
    """At a variable rate: each frame is shown twice as long as the one before."""
    times = np.cumsum([0, *0.04 * 2.0 ** np.arange(6)])
    source = write_media(tmp_path / "a.mkv", times, sound=SOUND[:, :96_000])
    copy_for_browsers(source, tmp_path / "copy.mp4")
    middles = [float(time) for time in (times[1:] + times[:-1]) / 2]
    assert [read_number(frame) for frame in frames_at(tmp_path / "copy.mp4", middles)] == list(range(6))
    preview = preview_of(tmp_path / "copy.mp4")
    assert (preview.codecs, preview.plays) == ("h264, aac", True)


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_copy_of_a_turned_picture_is_upright(rotation: int, tmp_path: Path) -> None:
    source = write_media(tmp_path / "a.mov", steady(2, FPS), rotation=rotation, coding=Coding(pixels="yuv444p"))
    copy_for_browsers(source, tmp_path / "copy.mp4")
    (before,), (after,) = (list(frames_at(file, [0.55])) for file in (source, tmp_path / "copy.mp4"))
    assert before.shape == after.shape and read_number(after) == 5


def test_no_video_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_media(tmp_path / "00000.mp4", steady(2, FPS), coding=Coding(pixels="yuv444p"))
    before = file.read_bytes()
    write_table(tmp_path / "videos.jsonl", [probe(tmp_path, file, ClipGrid())])
    command = ["previews", "--manifest", f"{tmp_path}/videos.jsonl", "--videos", str(tmp_path), "--transcode"]
    monkeypatch.setattr("sys.argv", ["feature_extractors", *command, "--out-dir", str(tmp_path)])
    assert main() == 1
    assert "00000.mp4: would overwrite the input" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_the_verb_writes_a_row_per_video_of_the_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_media(tmp_path / "a.mp4", steady(4, FPS))
    write_media(tmp_path / "b.avi", steady(4, 25), coding=Coding(codec="mpeg4", clock=Coding().rate ** -1))
    write_media(tmp_path / "c.mp4", steady(4, FPS))
    videos = [probe(tmp_path, tmp_path / name, ClipGrid()) for name in ("a.mp4", "b.avi", "c.mp4")]
    (tmp_path / "c.mp4").write_bytes(b"no video any more")
    write_table(tmp_path / "videos.jsonl", videos)
    rows: list[Row] = [{"qid": vid, "query": "q", "vid": vid} for vid in ("b", "c")]
    write_rows(tmp_path / "q.jsonl", rows)
    command = ["previews", "--manifest", f"{tmp_path}/videos.jsonl", "--videos", str(tmp_path)]
    command += ["--queries", f"{tmp_path}/q.jsonl", "--transcode", "--out-dir", f"{tmp_path}/out"]
    monkeypatch.setattr("sys.argv", ["feature_extractors", *command])
    assert main() == 0
    found = read_previews(tmp_path / "out")
    assert found.keys() == {"b", "c"}
    assert (found["b"].plays, found["b"].copy, found["b"].count) == (False, "00000.mp4", 2)
    assert found["c"].problem and not found["c"].pictures
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"previews.jsonl", "00000.jpg", "00000.mp4"}
