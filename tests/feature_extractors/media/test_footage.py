"""Facts for editing programs, of real files: exact frame rates, variable ones, time code, turned pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from cli import UserError
from feature_extractors.__main__ import main
from feature_extractors.media.footage import examine, examine_all
from formats.media.footage import read_footage
from tests.feature_extractors.made_media import Coding, write_media

RATES = ["24000/1001", "24/1", "25/1", "30000/1001", "30/1", "50/1", "60000/1001", "60/1", "25/2"]
SMALL = {"bf": "3", "g": "50", "preset": "ultrafast"}


def coding(rate: str, **changes: object) -> Coding:
    """Times that are exact in a container that can hold them."""
    exact = Fraction(rate)
    return Coding(rate=exact, clock=1 / exact, options=SMALL, **changes)  # type: ignore[arg-type]


def times_at(rate: str, count: int) -> np.ndarray:
    return np.arange(count) / float(Fraction(rate))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "mov", "avi"])
@pytest.mark.parametrize("rate", RATES)
def test_rates_are_exact_whatever_the_container_rounds(rate: str, suffix: str, tmp_path: Path) -> None:
    # Matroska rounds to milliseconds, MPEG-TS to 1/90,000 s: frames of 1001/24000 s are 41.7 ms and 3753.75 ticks.
    file = write_media(tmp_path / f"v.{suffix}", times_at(rate, 150), coding=coding(rate))
    found = examine(tmp_path, "v", file)
    assert (found.rate, found.problem) == (rate, "")
    assert (found.frames, found.width, found.height) == (150, 64, 48)
    assert (found.vid, found.file, found.lead_s, found.channels) == ("v", f"v.{suffix}", 0.0, 0)


@pytest.mark.parametrize("late", [1, 77])
def test_a_frame_that_comes_late_makes_the_rate_variable(late: int, tmp_path: Path) -> None:
    times = times_at("25/1", 100)
    times[late:] += 0.02
    file = write_media(tmp_path / "v.mp4", times)
    found = examine(tmp_path, "v", file)
    assert (found.rate, found.frames) == ("", 100)
    assert found.problem.startswith("variable frame rate: frame ") and "frames per second" in found.problem


def test_a_missing_frame_and_a_rate_that_changes_are_variable(tmp_path: Path) -> None:
    gap = np.delete(times_at("25/1", 100), 50)
    change = np.concatenate([times_at("25/1", 50), 2 + times_at("30/1", 50)])
    for name, times in (("gap", gap), ("change", change)):
        found = examine(tmp_path, name, write_media(tmp_path / f"{name}.mkv", times))
        assert not found.rate and found.problem.startswith("variable frame rate"), name


def test_sound_and_its_lead_are_told(tmp_path: Path) -> None:
    sound = np.zeros((2, 4 * 48_000), np.float32)
    # Sound begins at 0 s and the picture at 1.2 s: second 0 is the begin of the sound.
    file = write_media(tmp_path / "v.mkv", times_at("25/1", 50), start=1.2, sound=sound, coding=coding("25/1"))
    found = examine(tmp_path, "v", file)
    assert (found.lead_s, found.sound_rate, found.channels) == (1.2, 48_000, 2)
    assert (found.rate, found.frames) == ("25/1", 50)


@pytest.mark.parametrize(("rotation", "size"), [(0, (64, 48)), (90, (64, 48)), (180, (64, 48))])
def test_a_turned_picture_has_the_size_that_players_show(rotation: int, size: tuple[int, int], tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mp4", times_at("25/1", 10), rotation=rotation, coding=coding("25/1"))
    with av.open(str(file)) as container:
        stored = container.streams.video[0]
        assert (stored.width, stored.height) == (size if rotation % 180 == 0 else size[::-1])
    found = examine(tmp_path, "v", file)
    assert (found.width, found.height) == size


@pytest.mark.parametrize(("rate", "timecode"), [("30000/1001", "10:00:00;02"), ("25/1", "01:00:00:00")])
def test_the_time_code_of_a_camera_is_read(rate: str, timecode: str, tmp_path: Path) -> None:
    plain = write_media(tmp_path / "plain.mov", times_at(rate, 50), coding=coding(rate))
    file = tmp_path / "v.mov"
    with av.open(str(plain)) as source, av.open(str(file), "w") as target:
        target.metadata["timecode"] = timecode  # the muxer writes a time-code track, as cameras do
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    found = examine(tmp_path, "v", file)
    assert (found.timecode, found.rate) == (timecode, rate)


def test_sound_alone_has_no_frames(tmp_path: Path) -> None:
    file = tmp_path / "v.wav"
    with av.open(str(file), "w") as container:
        track = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 24_000), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    found = examine(tmp_path, "v", file)
    assert (found.seconds, found.rate, found.frames, found.sound_rate) == (3.0, "", 0, 8000)
    assert found.problem == "no video stream"


def test_what_cannot_be_read_keeps_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    good = write_media(tmp_path / "good.mp4", times_at("25/1", 10))
    files = {"bad": tmp_path / "bad.mp4", "good": good}
    bad, _, gone = examine_all(tmp_path, files, {"gone": "no video 'gone'"})
    assert (bad.vid, bad.file, bad.rate) == ("bad", "bad.mp4", "") and "not a readable media file" in bad.problem
    assert (gone.vid, gone.file, gone.problem) == ("gone", "", "no video 'gone'")
    with pytest.raises(UserError, match=r"bad\.mp4: not a readable media file"):
        examine(tmp_path, "bad", files["bad"])


def test_files_that_are_no_media_are_named_and_are_not_in_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    write_media(folder / "good.mp4", times_at("25/1", 10)).rename(folder / "good")  # without an extension
    for name in ("lock", "README", "build.lock", "Thumbs.db", "torn.mp4"):
        (folder / name).write_text("4711")
    words = ["feature_extractors", "footage", "--videos", str(folder), "--out", str(tmp_path / "f.jsonl")]
    monkeypatch.setattr("sys.argv", words)
    assert main() == 0
    table = read_footage(tmp_path / "f.jsonl")
    assert [(vid, one.seconds > 0) for vid, one in table.items()] == [("good", True), ("torn", False)]
    log = capsys.readouterr().err
    assert all(f"{folder / name}: not a readable media file" in log for name in ("lock", "README"))
    assert log.count("left out") == 2 and "torn.mp4: not a readable media file" in log
    assert "build" not in log and "Thumbs" not in log
