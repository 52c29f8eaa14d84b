"""`doctor`: each kind of odd media is named, with its severity, and the exit status follows the worst."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cli import UserError
from feature_extractors.doctor.examination import examine as examine_patients
from feature_extractors.doctor.media_facts import NoVideo, inspect_media
from feature_extractors.doctor.patients import SEVERITIES, list_folder
from feature_extractors.media import examine, probe
from formats.grid import ClipGrid
from tests.feature_extractors.made_media import Coding, numbered, steady, write_media
from tests.feature_extractors.odd_media import kinds

CLIPS = ClipGrid()
FLASH = Coding("flv", options={"b": "1M"}, clock=Fraction(1, 1000))
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(6 * 48_000) / 48_000)[None]


def findings(folder: Path, decode: bool = False) -> dict[str, list[tuple[str, str]]]:
    patients = list_folder(folder)
    examine_patients(patients, CLIPS, decode)
    return {patient.vid: patient.findings for patient in patients}


def found(file: Path, decode: bool = False) -> list[tuple[str, str]]:
    return findings(file.parent, decode)[file.stem]


def encode(path: Path, pixel_format: str = "yuv420p", size: tuple[int, int] = (64, 48), flags: str = "") -> Path:
    """Two seconds of H.264 in another pixel format, size, or interlaced."""
    with av.open(f"file:{path}", "w") as container:
        options = {"x264-params": flags} if flags else {}
        stream = container.add_stream("libx264", rate=25, width=size[0], height=size[1], options=options)
        stream.pix_fmt = pixel_format
        for number in range(50):
            picture = np.ascontiguousarray(numbered(number)[: size[1], : size[0]])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_an_ordinary_video_is_ok(tmp_path: Path) -> None:
    file = write_media(tmp_path / "a.mp4", steady(6.0), sound=TONE, sound_codec="aac")
    assert found(file) == []
    facts = inspect_media(file)
    shown = facts.pictures
    assert shown and (shown.codec, shown.pixel_format, shown.width, shown.height) == ("h264", "yuv420p", 64, 48)
    assert (shown.frames, shown.uneven, shown.rotation, shown.interlaced) == (150, False, 0, False)
    assert facts.duration == pytest.approx(6.0, abs=0.05) and shown.fps == pytest.approx(25, abs=0.2)
    assert [(sound.codec, sound.rate, sound.channels) for sound in facts.sounds] == [("aac", 48_000, 1)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("fps", [24, 30, 25])
def test_rounded_time_stamps_are_no_variable_rate(tmp_path: Path, suffix: str, fps: int) -> None:
    """Matroska counts milliseconds: 33, 33 and 34 of them between frames."""
    file = write_media(tmp_path / f"a.{suffix}", np.arange(4 * fps) / fps)
    assert found(file) == [("note", "no sound")]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: write_media(path, np.cumsum([0.04, 0.02] * 60)), "note: variable frame rate: 20 to 40 ms"),
        (
            lambda path: write_media(path, [*steady(2.0), *(5 + steady(2.0))]),
            "warning: a picture stays on screen for 3.0 s",
        ),
        (lambda path: write_media(path, steady(4.0), rotation=-90), "note: will be rotated by 270 degrees"),
        (lambda path: write_media(path, steady(4.0), start=3.0), "note: second 0 is at 3.00 s on the file's clock"),
        (lambda path: write_media(path, steady(1.0)), "warning: shorter than one clip: 1.0"),
        (lambda path: encode(path, "yuv420p10le"), "note: pixels are yuv420p10le"),
        (lambda path: encode(path, "yuv444p"), "note: pixels are yuv444p"),
        (lambda path: encode(path, "yuv444p", (63, 47)), "note: odd size 63 x 47"),
        (lambda path: encode(path, flags="tff=1"), "note: interlaced"),
        (lambda path: write_media(path, steady(6.0), sound=TONE[:, :96_000]), "warning: sound ends 4.0 s before"),
        (lambda path: write_media(path, steady(3.0), sound=TONE), "note: sound continues 3.0 s after the picture"),
        (
            lambda path: write_media(path, steady(6.0), sound=TONE, sound_start=1.5),
            "warning: sound starts 1.50 s after",
        ),
        (
            lambda path: write_media(path, steady(3.0), start=3.0, sound=TONE),
            "warning: the picture starts 3.00 s after the sound; second 0 is the start of the sound, as in players",
        ),
        (lambda path: write_media(path, steady(5.1), start=0.9, sound=TONE), "note: sound starts 0.90 s before the"),
        (lambda path: write_media(path, steady(6.0), sound=TONE, sound_start=0.9), "note: sound starts 0.90 s after"),
        (lambda path: write_media(path, steady(6.0), sound=TONE[:, ::6], rate=8000), "note: sound of 8000 Hz"),
        (lambda path: write_media(path, steady(6.0)), "note: no sound"),
    ],
)
def test_what_is_odd_is_named(tmp_path: Path, make: object, expected: str) -> None:
    file = tmp_path / "a.mkv"
    make(file)  # type: ignore[operator]
    described = [f"{severity}: {text}" for severity, text in found(file)]
    assert any(text.startswith(expected) for text in described), described


def test_several_audio_streams_and_empty_ones(tmp_path: Path) -> None:
    file = tmp_path / "a.mkv"
    with av.open(str(file), "w") as container:
        pictures = container.add_stream("libx264", rate=25, width=64, height=48)
        pictures.pix_fmt = "yuv420p"
        tracks = [container.add_stream("pcm_s16le", rate=48_000, layout="mono") for _ in range(3)]
        for number in range(100):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        container.mux(pictures.encode(None))
        for track in tracks[:2]:
            samples = (TONE[:, : 4 * 48_000] * 32_000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, 0
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    texts = [text for _, text in found(file)]
    assert "2 audio streams; number 1 is used" in texts
    assert "1 audio streams without any sound in them" in texts


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_video_cut_short_is_an_error(tmp_path: Path, suffix: str) -> None:
    file = write_media(tmp_path / f"a.{suffix}", steady(20.0), sound=np.tile(TONE, 3))
    if suffix == "mp4":  # with its index in front, as downloads have it
        whole = file.rename(tmp_path / "whole.bin")
        with av.open(str(whole)) as source, av.open(str(file), "w", options={"movflags": "faststart"}) as target:
            streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        whole.unlink()
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    severities = {text.split(":")[0]: severity for severity, text in found(file)}
    assert severities.get("cut off") == "error", found(file)


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_damage_inside_is_found_by_decoding(tmp_path: Path, suffix: str) -> None:
    """600 bytes of zeros in the middle, as a bad disk or a bad line leave them."""
    file = write_media(tmp_path / f"a.{suffix}", steady(8.0))
    assert not [text for _, text in found(file, decode=True) if "decoded" in text]
    content = bytearray(file.read_bytes())
    third = len(content) // 3
    content[third : third + 600] = bytes(600)
    file.write_bytes(content)
    assert not [text for _, text in found(file) if "decoded" in text]  # the packets alone do not show it
    assert [severity for severity, text in found(file, decode=True) if "cannot be decoded" in text] == ["warning"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a readable media file: it is empty"),
        (b"not a video at all" * 100, "not a readable media file"),
        (b"<html>404</html>", "not a readable media file"),
    ],
)
def test_what_is_no_media_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(content)
    assert [(severity, text.startswith(message)) for severity, text in found(file)] == [("error", True)]


def test_sound_alone_has_a_warning_and_text_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mka"), "w") as container:
        track = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray((TONE * 32_000).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    assert found(tmp_path / "sound.mka") == [
        ("warning", "sound alone, without pictures: only streams of sound have features of it")
    ]
    facts = inspect_media(tmp_path / "sound.mka", decode=True)
    assert facts.pictures is None and facts.sound and facts.sound.rate == 48_000
    assert facts.duration == pytest.approx(TONE.shape[1] / 48_000, abs=0.01) and facts.undecodable == 0
    text = tmp_path / "words.ans"  # FFmpeg draws text files as films
    text.write_text("hello " * 500)
    with pytest.raises(NoVideo):
        inspect_media(text)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif"])
def test_pictures_that_bear_a_videos_name(tmp_path: Path, kind: str) -> None:
    """FFmpeg opens them as videos of one frame; the workflow and the doctor say the same of them."""
    picture, file = Image.fromarray(numbered(5)), tmp_path / "a.mp4"
    more = {"save_all": True, "append_images": [Image.fromarray(numbered(6))] * 60, "duration": 100}
    picture.save(tmp_path / f"picture.{kind}", **(more if kind == "gif" else {}))
    (tmp_path / f"picture.{kind}").rename(file)
    video = examine(tmp_path, "a", file, "", CLIPS)
    described = found(file)
    if kind == "gif":  # it moves
        assert video.n_clips == 3 and not video.problem
        assert {severity for severity, _ in described} == {"note"}
        return
    assert video.n_clips == 0
    assert video.problem.startswith("not a video but a picture or text (")
    assert described == [("error", video.problem)]


def test_a_clip_is_as_long_as_the_table_has_it(tmp_path: Path) -> None:
    """A twentieth may be missing: containers round the length of the last frame."""
    for vid, step, clips in (("near", 0.0399, 1), ("short", 0.036, 1), ("two", 0.0795, 2)):
        file = write_media(tmp_path / f"{vid}.mkv", step * np.arange(50))
        video = probe(tmp_path, file, CLIPS)
        assert video.n_clips == clips and video.duration_s < 2 * clips
        said = [text for _, text in found(file) if text.startswith("shorter than one clip")]
        assert bool(said) == (vid == "short")


def test_duplicates_sidecars_and_two_files_of_an_id(tmp_path: Path) -> None:
    write_media(tmp_path / "a.mp4", steady(4.0))
    shutil.copy(tmp_path / "a.mp4", tmp_path / "copy.mp4")
    write_media(tmp_path / "two.mp4", steady(2.0))
    write_media(tmp_path / "two.mkv", steady(4.0))
    for name in ("a.srt", "a.json", "two.jpg", ".hidden"):
        (tmp_path / name).write_text("x")
    described = findings(tmp_path)
    assert set(described) == {"a", "copy", "two"}
    assert ("warning", "the same content as copy") in described["a"]
    assert ("warning", "the same content as a") in described["copy"]
    both = [patient.findings[0] for patient in list_folder(tmp_path) if patient.vid == "two"]
    assert both == [("error", "same id as two.mp4"), ("error", "same id as two.mkv")]
    with pytest.raises(UserError, match="no such folder"):
        list_folder(tmp_path / "none")


def raw_h264(path: Path) -> Path:
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv420p", options={"bf": "2"})
        for number in range(150):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def zeroed_tail(path: Path) -> Path:
    content = write_media(path, steady(9.0)).read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3] + bytes(len(content) - len(content) * 2 // 3))
    return path


def joined(path: Path) -> Path:
    """Two recordings put one after the other, the clock of each from its own beginning."""
    parts = [write_media(path.with_name(f"part{seconds}.ts"), steady(seconds)) for seconds in (6.0, 4.0)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("a.mkv", lambda path: write_media(path, steady(3.0), sound=TONE), "note"),
        (
            "a.flv",
            lambda path: write_media(
                path, steady(3.0), sound=TONE[:, : 6 * 44_100], sound_codec="mp3", rate=44_100, coding=FLASH
            ),
            "note",
        ),
        ("a.mkv", lambda path: write_media(path, steady(6.0), start=30.0), "note"),
        ("a.h264", raw_h264, "note"),
        ("a.ts", zeroed_tail, "warning"),
        ("a.ts", joined, "warning"),
    ],
)
def test_what_the_pipeline_takes_is_no_error(
    tmp_path: Path, name: str, make: Callable[[Path], Path], expected: str
) -> None:
    file = make(tmp_path / name)
    video = probe(tmp_path, file, CLIPS)
    described = found(file)
    assert max((severity for severity, _ in described), key=SEVERITIES.index) == expected, described
    assert not video.problem or ("warning", video.problem) in described


def test_a_clock_that_starts_again_is_named(tmp_path: Path) -> None:
    assert ("warning", "timestamps go back: 4.0 s of video left out") in found(joined(tmp_path / "a.ts"))


def test_what_is_left_out_before_the_first_recording_is_no_pause(tmp_path: Path) -> None:
    parts = [write_media(tmp_path / f"part{start}.ts", steady(4.0), start=start) for start in (100.0, 0.0)]
    (tmp_path / "videos").mkdir()
    file = tmp_path / "videos" / "a.ts"
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert found(file) == [
        ("warning", "timestamps go back: 4.0 s of video left out"),
        ("note", "second 0 is at 100.00 s on the file's clock"),
        ("note", "no sound"),
    ]


def test_the_streams_are_those_of_the_pipeline(tmp_path: Path) -> None:
    """The second audio stream is the default one; the first alone outlasts the picture."""
    odd = next(odd for odd in kinds() if odd.name == "two.mkv")
    odd.make(tmp_path / odd.name)
    texts = [text for _, text in found(tmp_path / odd.name)]
    assert "2 audio streams; number 2 is used" in texts
    assert "sound starts 1.00 s after the picture" in texts
