"""The files are what the plan says, read back with PyAV, and the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from demo.__main__ import main
from demo.media import frame_times, write_videos
from demo.picture import COLOURS, draw_frame
from demo.plan import DemoConfig, VideoPlan, plan_videos

CONFIG = DemoConfig(train_videos=14, val_videos=1, min_seconds=10, max_seconds=10)


def planned(quirk: str) -> VideoPlan:
    return next(video for video in plan_videos(CONFIG) if video.quirk == quirk)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One video of each quirk."""
    folder = tmp_path_factory.mktemp("videos")
    quirks = ("none", "variable_rate", "no_audio", "webm", "rotated", "short_audio")
    write_videos([planned(quirk) for quirk in quirks], folder)
    assert len(list(folder.iterdir())) == len(quirks)  # and no .part file
    return folder


def decode_video(path: Path) -> tuple[np.ndarray, list[np.ndarray], int]:
    """Times (seconds), coded pictures (RGB) and the rotation that players apply (degrees, counter-clockwise)."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return np.array([f.time for f in frames]), [f.to_ndarray(format="rgb24") for f in frames], frames[0].rotation


def decoded_audio_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize("quirk", ["none", "variable_rate", "no_audio", "webm", "rotated", "short_audio"])
def test_file_lasts_and_looks_as_planned(folder: Path, quirk: str) -> None:
    video = planned(quirk)
    times, pictures, rotation = decode_video(folder / video.file)
    with av.open(str(folder / video.file)) as container:
        assert container.duration / av.time_base == pytest.approx(video.seconds, abs=0.05)
    np.testing.assert_allclose(times, frame_times(video), atol=0.001)  # WebM counts in milliseconds
    assert rotation == (-90 if quirk == "rotated" else 0)
    for event in video.visual:
        place = int(np.argmin(abs(times - (event.start + event.end) / 2)))
        shown = np.rot90(pictures[place], rotation // 90).astype(float)
        assert shown.shape == (72, 96, 3)
        meant = draw_frame(video, float(times[place])).astype(float)
        assert abs(shown - meant).mean() < 12  # of 255: what compression does, far below a shape that is elsewhere
        near = np.linalg.norm(shown - COLOURS[event.colour], axis=-1) < 60
        assert 0.2 < near.mean() < 0.5  # the share of the frame that the shape covers in its middle


def test_variable_rate_has_uneven_times(folder: Path) -> None:
    steps = np.diff(decode_video(folder / planned("variable_rate").file)[0])
    assert steps.min() > 0
    assert steps.max() > 1.5 * steps.min()


def test_audio_tracks_are_there_missing_or_short(folder: Path) -> None:
    for quirk in ("none", "variable_rate", "webm", "rotated", "short_audio"):
        video = planned(quirk)
        assert decoded_audio_seconds(folder / video.file) == pytest.approx(video.audio_seconds, abs=0.1)
    assert planned("short_audio").audio_seconds == 8
    with av.open(str(folder / planned("no_audio").file)) as container:
        assert not container.streams.audio


def test_containers_and_codecs(folder: Path) -> None:
    for quirk, codecs in (("none", ("h264", "aac")), ("webm", ("vp9", "opus"))):
        with av.open(str(folder / planned(quirk).file)) as container:
            assert (container.streams.video[0].codec.name, container.streams.audio[0].codec.name) == codecs


def test_bytes_do_not_depend_on_the_run_or_the_threads(folder: Path, tmp_path: Path) -> None:
    again = [planned(quirk) for quirk in ("none", "webm", "rotated")]
    write_videos(again, tmp_path, threads=2)
    for video in again:
        assert (tmp_path / video.file).read_bytes() == (folder / video.file).read_bytes()


def test_command_writes_videos_and_annotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.dumps({"demo": {"train_videos": 2, "val_videos": 1, "min_seconds": 8, "max_seconds": 8}})
    videos, rows = tmp_path / "videos", tmp_path / "rows"
    arguments = ["demo", "media", "--config", config, "--videos", str(videos), "--annotations", str(rows)]
    monkeypatch.setattr("sys.argv", arguments)
    assert main() == 0
    assert sorted(path.name for path in videos.iterdir()) == ["demo_000.mp4", "demo_001.mp4", "demo_002.mp4"]
    assert sorted(path.name for path in rows.iterdir()) == ["train.jsonl", "val.jsonl"]
    train = [json.loads(line) for line in (rows / "train.jsonl").read_text().splitlines()]
    assert {row["vid"] for row in train} == {"demo_000", "demo_001"}
    assert [row["qid"] for row in train] == sorted(row["qid"] for row in train)


def test_command_names_a_wrong_key_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "demo",
        "media",
        "--config",
        '{"demo": {"frames": 3}}',
        "--videos",
        str(tmp_path),
        "--annotations",
        str(tmp_path),
    ]
    monkeypatch.setattr("sys.argv", arguments)
    assert main() == 1
    error = capsys.readouterr().err
    assert "frames" in error and error.count("\n") == 1
