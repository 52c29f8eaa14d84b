"""Stand-in media: true lengths and frame rates, labels that can be read back from picture and sound, equal bytes."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from demo.__main__ import main
from demo.rehearsal import CLIP_SECONDS, RATE, StandIn, plan, write_stand_in
from feature_extractors.media import Problems, frames_at, open_sound, probe
from formats.grid import ClipGrid

LEVELS = (0.0, 1.0, 0.25, 0.75, 0.5, 0.0)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rate that TVSum has, an id that begins with a dash, and an end within a clip."""
    folder = tmp_path_factory.mktemp("rehearsal")
    write_stand_in(StandIn("-x_1", 399 / 29.968, 29.968, LEVELS), folder, seed=1)
    return folder / "-x_1.mp4"


def test_length_and_frame_rate_are_the_true_ones(video: Path) -> None:
    probed = probe(video.parent, video, ClipGrid())
    assert probed.duration_s == pytest.approx(399 / 29.968, abs=0.001)
    assert (probed.vid, probed.n_clips, probed.has_audio) == ("-x_1", 6, True)
    with av.open(f"file:{video}") as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(29.968, rel=0.001)
        assert len(list(container.decode(video=0))) == 399


def test_labels_are_seen_and_heard(video: Path) -> None:
    centres = [CLIP_SECONDS * (clip + 0.5) for clip in range(len(LEVELS))]
    red = [float(frame[:36, :, 0].mean()) for frame in frames_at(video, centres)]
    np.testing.assert_allclose(red, [20 + 230 * level for level in LEVELS], atol=15)  # the texture's mean, and coding
    track = open_sound(video, RATE, 0.0, Problems())
    assert track is not None
    sound = np.concatenate(list(track.chunks()))
    for centre, level in zip(centres, LEVELS, strict=True):
        spectrum = np.abs(np.fft.rfft(sound[round((centre - 0.5) * RATE) :][:RATE] * np.hanning(RATE)))
        assert int(spectrum.argmax()) == pytest.approx(200 * 2 ** (3 * level), abs=2)  # Hz, as the window is 1 s


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    video = StandIn("a", 5.0, 25.0, (0.2, 0.9))
    files = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        (tmp_path / name).mkdir()
        write_stand_in(video, tmp_path / name, seed)
        files.append((tmp_path / name / "a.mp4").read_bytes())
    assert files[0] == files[1] != files[2]


def test_command_makes_what_the_rows_say_and_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"vid": vid, "duration_s": 4.0, "fps": 24.0, "label": [[1, 3], [5, 5]]} for vid in ("a", "b")
    ]  # mean labels 2 and 5: levels 0.25 and 1
    annotations = tmp_path / "val.jsonl"
    annotations.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [video.levels for video in plan([annotations])] == [(0.25, 1.0)] * 2
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "a.mp4").write_bytes(b"there already")
    arguments = ["rehearsal", "--annotations", str(annotations), "--videos", str(videos)]
    monkeypatch.setattr("sys.argv", ["demo", *arguments])
    assert main() == 0
    assert sorted(path.name for path in videos.iterdir()) == ["a.mp4", "b.mp4"]
    assert (videos / "a.mp4").read_bytes() == b"there already"
    assert probe(videos, videos / "b.mp4", ClipGrid()).n_clips == 2


@pytest.mark.parametrize(
    "change",
    [{"label": None}, {"label": []}, {"fps": "fast"}, {"fps": 0}, {"duration_s": -1}, {"label": [[1], [2, 3]]}],
)
def test_rows_without_what_is_needed_are_one_line(
    change: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"vid": "a", "duration_s": 4.0, "fps": 24.0, "label": [[1, 3], [5, 5]], **change}
    annotations = tmp_path / "val.jsonl"
    annotations.write_text(json.dumps(row) + "\n")
    monkeypatch.setattr("sys.argv", ["demo", "rehearsal", "--annotations", str(annotations), "--videos", str(tmp_path)])
    assert main() == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "val.jsonl: row 1" in line
