"""Which frame is shown when, what is heard when, and what becomes of files that are not as they should be."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from cli import UserError
from feature_extractors.decode import Sound, frames_at, probe, read_sound
from feature_extractors.manifest import ClipConfig, find_videos
from tests.feature_extractors.media import read_number, steady, write_media

RATE = 48_000


def numbers_at(file: Path, times: list[float]) -> list[int]:
    return [read_number(picture) for picture in frames_at(file, times)]


def noise(seconds: float, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, size=(channels, round(seconds * RATE))).astype(np.float32)


# --- pictures ---


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


def test_a_file_cut_without_encoding_starts_where_players_start_it(tmp_path: Path) -> None:
    # As `ffmpeg -ss 1 -c copy` leaves it: a second of packets before the beginning, hidden by an edit list.
    file = write_media(tmp_path / "v.mp4", steady(4.0), start=-1.0, sound=noise(3.0), sound_codec="aac")
    video = probe(tmp_path, file, ClipConfig(seconds=1.0))
    assert (video.duration_s, video.n_clips) == (3.0, 3)
    assert numbers_at(file, [0.0, 1.0, 2.96]) == [25, 50, 99]


# --- what a file holds ---


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
    for number, (vid, file) in enumerate(find_videos(Path(), vids).items()):
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
    for read in (
        lambda: probe(tmp_path, file, ClipConfig()),
        lambda: list(frames_at(file, [0.0])),
        lambda: read_sound(file, 32_000),
    ):
        with pytest.raises(UserError) as problem:
            read()
        assert str(problem.value).startswith(f"{file}: ") and "\n" not in str(problem.value)


def sound_frame() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(noise(1.0), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = RATE, 0
    return frame


def test_a_damaged_middle_costs_only_what_it_held(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = write_media(tmp_path / "good.ts", steady(6.0), sound=noise(6.0), sound_codec="mp2")
    data = good.read_bytes()
    third = len(data) // 3
    bad = tmp_path / "bad.ts"
    bad.write_bytes(data[:third] + np.random.default_rng(0).bytes(third) + data[2 * third :])

    assert probe(tmp_path, bad, ClipConfig()).n_clips == 3
    pictures = list(frames_at(bad, [0.5, 3.0, 5.9]))
    assert [read_number(pictures[0]), read_number(pictures[2])] == [12, 147]

    whole, rest = read_sound(good, RATE), read_sound(bad, RATE)
    assert whole is not None and rest is not None
    # The tracks are interleaved: a third of the file is about 2 of the 6 seconds.
    assert 1.5 < 6 * (1 - rest.heard.mean()) < 2.5
    for start in (0.0, 4.5):
        assert rest.share_heard(start, 1.4) == 1.0
        # The decoder of MPEG layer 2 dithers: one step of 16 bits, 1 / 32768.
        np.testing.assert_allclose(rest.window(start, 1.4), whole.window(start, 1.4), atol=1.1 / 32768)
    assert rest.share_heard(2.5, 1.0) == 0.0 and not rest.window(2.5, 1.0).any()
    assert "bad.ts: damaged" in caplog.text


# --- sound ---


@pytest.mark.parametrize("offset", [0.0, 0.5, -0.5])
@pytest.mark.parametrize(("name", "codec", "error"), [("v.mkv", "pcm_s16le", 0), ("v.mp4", "aac", 0.001)])
def test_sound_keeps_its_offset_to_the_picture(
    tmp_path: Path, offset: float, name: str, codec: str, error: float
) -> None:
    """A click one second into a track that starts earlier or later than the picture, both two seconds into the file."""
    click = np.zeros((1, 3 * RATE), np.float32)
    click[0, RATE] = 0.9
    file = write_media(
        tmp_path / name, steady(4.0), start=2.0, sound=click, sound_start=2.0 + offset, sound_codec=codec
    )
    sound = read_sound(file, RATE)
    assert sound is not None
    heard = np.argmax(abs(sound.samples)) / RATE
    assert abs(heard - (1.0 + offset)) <= error  # AAC smears a click; PCM in Matroska is exact


@pytest.mark.parametrize("offset", [0.5, -0.5])
def test_what_is_heard_outside_the_pictures_clock_is_left_out(tmp_path: Path, offset: float) -> None:
    samples = noise(3.0)
    file = write_media(tmp_path / "v.mkv", steady(4.0), start=2.0, sound=samples, sound_start=2.0 + offset)
    sound = read_sound(file, RATE)
    assert sound is not None
    half = RATE // 2
    expected = samples[0, half:] if offset < 0 else np.pad(samples[0], (half, 0))
    np.testing.assert_allclose(sound.samples, expected, atol=1 / 32768)  # 16-bit PCM
    assert sound.heard.tolist() == [offset < 0] * half + [True] * (len(expected) - half)


def test_mono_is_the_mean_of_the_channels(tmp_path: Path) -> None:
    left, right = noise(1.0, channels=2)
    for channels, mean in (
        ((left, right), (left + right) / 2),
        ((left, left), left),  # as loud as the same in mono
        ((left, 0 * left), left / 2),
    ):
        file = write_media(tmp_path / "v.mkv", steady(1.0), sound=np.stack(channels))
        sound = read_sound(file, RATE)
        assert sound is not None
        np.testing.assert_allclose(sound.samples, mean, atol=1 / 32768)  # 16-bit PCM


@pytest.mark.parametrize("native", [44_100, 22_050, 48_000])
def test_resampled_sound_has_its_length_and_its_tone(tmp_path: Path, native: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * native) / native)[None]
    # After a second in which there is none.
    file = write_media(tmp_path / "v.mkv", steady(4.0), sound=tone, rate=native, sound_start=1.0)
    sound = read_sound(file, 32_000)
    assert sound is not None and sound.rate == 32_000 and sound.samples.dtype == np.float32
    assert len(sound.samples) == len(sound.heard) == 128_000
    assert sound.heard.argmax() == 32_000 and sound.heard[32_000:].all()
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(96_000) / 32_000)
    # In phase, not merely alike: away from the ends soxr's filter leaves -60 dB of error at most.
    np.testing.assert_allclose(sound.samples[35_200:-3200], expected[3200:-3200], atol=5e-4)


def test_what_the_new_rate_cannot_hold_is_gone(tmp_path: Path) -> None:
    # 18 kHz would come back as 14 kHz, in the middle of the upper mel bands.
    tone = 0.5 * np.sin(2 * np.pi * 18_000 * np.arange(RATE) / RATE)[None]
    sound = read_sound(write_media(tmp_path / "v.mkv", steady(1.0), sound=tone), 32_000)
    assert sound is not None
    assert abs(sound.samples[3200:-3200]).max() < 1e-4  # 74 dB down; 16 bits end at 90


def test_sound_that_stops_early_is_not_heard_after(tmp_path: Path) -> None:
    file = write_media(tmp_path / "v.mkv", steady(6.0), sound=noise(3.0))
    sound = read_sound(file, 32_000)
    assert sound is not None and len(sound.samples) == 96_000
    assert [sound.share_heard(start, 2.0) for start in (0.0, 2.0, 4.0)] == [1.0, 0.5, 0.0]
    late = sound.window(2.5, 2.0)
    assert late.shape == (64_000,) and late[:16_000].any() and not late[16_000:].any()


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    assert read_sound(write_media(tmp_path / "v.mp4", steady(0.4)), 32_000) is None


def test_windows_reach_beyond_both_ends() -> None:
    sound = Sound(np.arange(1, 11, dtype=np.float32), np.ones(10, np.bool_), rate=10)
    assert sound.window(-0.3, 0.6).tolist() == [0, 0, 0, 1, 2, 3]
    assert sound.window(0.8, 0.4).tolist() == [9, 10, 0, 0]
    assert sound.window(-5.0, 0.2).tolist() == sound.window(5.0, 0.2).tolist() == [0, 0]
    pieces = [sound.window(start, 0.2) for start in (0.0, 0.2, 0.4, 0.6, 0.8)]
    assert np.concatenate(pieces).tolist() == sound.samples.tolist()  # clips meet without a gap
    assert all(len(a) == len(b) for a, b in pairwise(pieces))
