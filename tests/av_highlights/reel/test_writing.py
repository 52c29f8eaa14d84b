"""Reels of real files: a counter in the pictures and noise in the sound tell what is where."""

from __future__ import annotations

import importlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from av_highlights.reel.plan import make_plan
from av_highlights.reel.source import Sources
from av_highlights.reel.writing import read_blocks, write_reel
from cli import UserError
from eval.exchange.cuts import Cut
from feature_extractors.media.footage import examine
from formats.media.footage import Footage
from tests.feature_extractors.made_media import Coding, read_number, write_media

RATE = 48_000
LENGTH_S = 8.0


def noise(seconds: float = LENGTH_S, rate: int = RATE) -> np.ndarray:
    """Noise in which each moment differs from every other, (1, samples)."""
    return (0.3 * np.random.default_rng(0).standard_normal((1, round(seconds * rate)))).clip(-1, 1).astype(np.float32)


def write_source(path: Path, times: np.ndarray, rate: str = "25/1", sound: bool = True, **given: Any) -> Footage:
    """A numbered video with uncompressed sound, both beginning at 0 s."""
    exact = Fraction(rate)
    variable = np.ptp(np.diff(times)) > 0.001
    clock = Fraction(1, 1000) if variable else 1 / exact
    options = {"bf": "3", "g": "50", "crf": "10", "x264-params": "scenecut=0"}
    coding = Coding(rate=exact, clock=clock, options=options, **given)
    more = {"sound": noise(), "sound_codec": "pcm_s16le"} if sound else {}
    return examine(path.parent, path.stem, write_media(path, times, coding=coding, **more))


def steady(rate: str, seconds: float = LENGTH_S) -> np.ndarray:
    return np.arange(int(seconds * Fraction(rate))) / float(Fraction(rate))


def read_pictures(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Its pictures, and their times in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [float(frame.time or 0.0) for frame in frames]


def read_sound(path: Path) -> np.ndarray:
    """Its sound as mono samples from time 0."""
    sound = np.zeros(20 * RATE, np.float32)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            begin = round(float(frame.time or 0.0) * RATE)
            samples = frame.to_ndarray().mean(axis=0)
            sound[begin : begin + len(samples)] = samples
    return sound


def find_noise(sound: np.ndarray, at: float) -> float:
    """Where in the source (seconds) the 0.2 s of a reel's sound from `at` seconds on come from."""
    piece = sound[round(at * RATE) : round((at + 0.2) * RATE)]
    source = noise()[0]
    size = 1 << (len(source) + len(piece)).bit_length()
    match = np.fft.irfft(np.fft.rfft(source, size) * np.conj(np.fft.rfft(piece, size)), size)[: len(source)]
    assert match.max() > 8 * np.abs(match).mean()  # it is somewhere
    return int(match.argmax()) / RATE


@pytest.mark.parametrize("rate", ["24000/1001", "25/1", "30000/1001", "50/1", "60000/1001", "60/1"])
def test_cuts_are_right_to_the_frame_and_sound_to_the_millisecond(rate: str, tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady(rate), rate)
    exact = Fraction(rate)
    spans = [(1.0, 2.5), (5.02, 6.0), (6.5, 7.0)]
    write_reel(tmp_path / "r.mp4", make_plan([Cut(source, *span, "x", None) for span in spans]), tmp_path)
    pictures, times = read_pictures(tmp_path / "r.mp4")
    sound, numbers = read_sound(tmp_path / "r.mp4"), [read_number(picture) for picture in pictures]
    edges = [tuple(int(Fraction(at) * exact + Fraction(1, 2)) for at in span) for span in spans]
    # The counter has eight bits; the sound tells rounds of 256 frames apart.
    assert numbers == [number % 256 for first, stop in edges for number in range(first, stop)]
    assert times == pytest.approx([number / float(exact) for number in range(len(numbers))], abs=1e-4)
    begin = 0
    for first, stop in edges:
        at = begin / float(exact) + 0.1
        assert find_noise(sound, at) == pytest.approx(first / float(exact) + 0.1, abs=0.001)
        begin += stop - first


@pytest.mark.parametrize("heard", [True, False])
def test_a_variable_rate_shows_at_each_moment_what_the_video_shows(heard: bool, tmp_path: Path) -> None:
    steps = np.random.default_rng(1).choice([0.04, 0.08, 0.12], size=90)
    times = np.round(np.concatenate([[0.0], np.cumsum(steps)]), 3)
    times = times[times < LENGTH_S - 0.2]
    source = write_source(tmp_path / "a.mkv", times, sound=heard)
    assert not source.rate
    write_reel(tmp_path / "r.mp4", make_plan([Cut(source, 2.0, 5.0, "x", None)], rate=Fraction(25)), tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    middles = 2.0 + (np.arange(75) + 0.5) / 25
    assert [read_number(picture) for picture in pictures] == (
        np.searchsorted(times, middles, side="right") - 1
    ).tolist()
    for at in (0.1, 2.5) if heard else ():
        assert find_noise(read_sound(tmp_path / "r.mp4"), at) == pytest.approx(2.0 + at, abs=0.001)
    with av.open(str(tmp_path / "r.mp4")) as container:
        assert bool(container.streams.audio) == heard


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_a_long_file_is_read_once_and_then_only_where_its_moments_are(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = {"timeline": 0, "frames": 0}
    for name in read:
        module = importlib.import_module(f"feature_extractors.media.{name}")

        def counted(*arguments: Any, name: str = name, packets: Any = module.read_packets) -> Any:
            for packet in packets(*arguments):
                read[name] += bool(packet.size)
                yield packet

        monkeypatch.setattr(module, "read_packets", counted)
    source = write_source(tmp_path / f"a.{suffix}", steady("25/1", 40.0), sound=False)
    assert source.frames == 1000
    read.update(timeline=0, frames=0)
    # Best first, so that the reel goes back in the file.
    spans = [(35.0, 36.0), (2.04, 3.0), (20.0, 20.4), (38.0, 39.0), (12.0, 13.0), (39.0, 40.0)]
    cuts = [Cut(source, *span, "x", 1 - place / 10) for place, span in enumerate(spans)]
    write_reel(tmp_path / "r.mp4", make_plan(cuts, order="score"), tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    wanted = [range(round(25 * start), round(25 * end)) for start, end in spans]
    assert [read_number(picture) for picture in pictures] == [number % 256 for part in wanted for number in part]
    assert read["timeline"] == 1000
    if suffix in ("mp4", "mkv"):
        # From the key frame before a moment, at most 50 frames away, to a few behind it.
        assert read["frames"] <= sum(len(part) + 55 for part in wanted)


def test_videos_of_other_rates_sizes_and_without_sound_fit_together(tmp_path: Path) -> None:
    one = write_source(tmp_path / "a.mkv", steady("25/1"))
    other = write_source(tmp_path / "b.mp4", steady("50/1", 4.0), "50/1", sound=False, height=96, width=256)
    cuts = [Cut(one, 1.0, 2.0, "x", None), Cut(other, 1.0, 2.0, "x", None), Cut(one, 3.0, 4.0, "x", None)]
    write_reel(tmp_path / "r.mp4", make_plan(cuts, rate=Fraction(25)), tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    assert {picture.shape for picture in pictures} == {(96, 256, 3)} and len(pictures) == 75
    assert read_number(pictures[0][:, 64:192], None) == 25  # 128 x 96 in the middle, black beside it
    assert pictures[0][:, :60].max() < 40 and pictures[0][:, 196:].max() < 40
    # At 50 frames per second every second one is shown: that of the middle of a frame of the reel.
    assert [read_number(picture, None) for picture in pictures[25:28]] == [51, 53, 55]
    sound = read_sound(tmp_path / "r.mp4")
    assert np.abs(sound[round(1.1 * RATE) : round(1.9 * RATE)]).max() < 0.01
    assert find_noise(sound, 2.5) == pytest.approx(3.5, abs=0.001)


def test_pixels_that_are_not_square_keep_their_shape(tmp_path: Path) -> None:
    options = {"bf": "0", "g": "25", "crf": "10", "x264-params": "sar=4/3"}
    write_media(tmp_path / "a.mp4", steady("25/1", 2.0), coding=Coding(height=96, width=96, options=options))
    wide = examine(tmp_path, "a", tmp_path / "a.mp4")
    assert (wide.width, wide.height, wide.pixel_aspect, wide.shown_size()) == (96, 96, "4/3", (128, 96))
    plan = make_plan([Cut(wide, 0.0, 1.0, "x", None)])
    assert plan.size == (128, 96)
    write_reel(tmp_path / "r.mp4", plan, tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    assert [read_number(picture, (96, 128)) for picture in pictures] == list(range(25))
    write_reel(tmp_path / "s.mp4", make_plan([plan.parts[0].cut], size=(128, 128)), tmp_path)
    pictures, _ = read_pictures(tmp_path / "s.mp4")
    assert pictures[0][:14].max() < 40 and pictures[0][114:].max() < 40  # 128 x 96 in the middle


@pytest.mark.parametrize(
    ("suffix", "codec", "start"), [("mp4", "aac", 0.0), ("ts", "aac", 0.5), ("mkv", "libopus", 0.0)]
)
def test_compressed_sound_is_in_step_in_moments_of_one_frame_and_at_the_end(
    suffix: str, codec: str, start: float, tmp_path: Path
) -> None:
    # These codecs put samples of their own before the first one. Second 0 is that of the picture, which begins half a
    # second after the sound in the second file.
    coding = Coding(rate=Fraction(60), clock=Fraction(1, 60), options={"bf": "3", "g": "50", "crf": "10"})
    given = {"sound": noise(), "sound_codec": codec, "coding": coding}
    source = examine(
        tmp_path, "a", write_media(tmp_path / f"a.{suffix}", steady("60/1", 3.0), start=start, first=40, **given)
    )
    assert (source.rate, source.frames, source.lead_s) == ("60/1", 180, 0.0)
    one = Fraction(1, 60)
    spans = [(0.0, one), (1.0, 1.5), (2.75, 3.0), (3 - one, 3.0)]
    cuts = [Cut(source, float(begin), float(end), "x", None) for begin, end in spans]
    write_reel(tmp_path / "r.mp4", make_plan(cuts), tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    wanted = [0, *range(60, 90), *range(165, 180), 179]
    assert [read_number(picture) for picture in pictures] == [40 + number for number in wanted]
    sound = read_sound(tmp_path / "r.mp4")
    # A rounded time of Matroska is half a millisecond off, and FFmpeg rounds once more after a jump in the file.
    for at, begin in ((1 / 60 + 0.1, 1.1), (31 / 60 + 0.02, 2.77)):
        assert find_noise(sound, at) == pytest.approx(start + begin, abs=0.001001)


@pytest.mark.parametrize("rate", [32_000, 44_100])
def test_sound_of_another_rate_stays_in_step(rate: int, tmp_path: Path) -> None:
    # A click of one sample at 1.5 s: resampling and AAC widen it around its place.
    sound = np.zeros((1, 4 * rate), np.float32)
    sound[0, round(1.5 * rate)] = 1.0
    file = write_media(tmp_path / "a.mkv", steady("25/1", 4.0), sound=sound, sound_codec="pcm_s16le", rate=rate)
    source = examine(tmp_path, "a", file)
    write_reel(tmp_path / "r.mp4", make_plan([Cut(source, 1.0, 2.0, "x", None)]), tmp_path)
    found = read_sound(tmp_path / "r.mp4")
    assert int(np.abs(found).argmax()) / RATE == pytest.approx(0.5, abs=0.001)


def test_sound_that_begins_before_the_picture_stays_in_step(tmp_path: Path) -> None:
    coding = Coding(clock=Fraction(1, 25), options={"bf": "3", "g": "50"})
    given = {"sound": noise(), "sound_codec": "pcm_s16le", "coding": coding}
    source = examine(tmp_path, "a", write_media(tmp_path / "a.mkv", steady("25/1", 5.0), start=2.0, **given))
    assert source.lead_s == 2.0
    write_reel(tmp_path / "r.mp4", make_plan([Cut(source, 3.0, 4.0, "x", None)]), tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    assert [read_number(picture) for picture in pictures] == list(range(25, 50))
    assert find_noise(read_sound(tmp_path / "r.mp4"), 0.5) == pytest.approx(3.5, abs=0.001)


def test_a_cross_fade_mixes_pictures_and_sound(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady("25/1"))
    # Pictures 0 to 24 are followed by 255 - 25 = 230 and more: their bars are mostly the opposite.
    cuts = [Cut(source, 0.0, 1.0, "x", None), Cut(source, 4.0, 5.0, "x", None)]
    write_reel(tmp_path / "r.mp4", make_plan(cuts, fade_s=0.4), tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    assert len(pictures) == 40
    assert [read_number(picture) for picture in pictures[:15]] == list(range(15))
    assert [read_number(picture) for picture in pictures[25:]] == list(range(110, 125))
    # Frame 15 + i of the reel has frame 15 + i of one and frame 100 + i of the other, by (i + 0.5) / 10.
    for index in range(10):
        share = (index + 0.5) / 10
        for bit in range(8):
            old, new = ((number + index) >> bit & 1 for number in (15, 100))
            shown = pictures[15 + index][8:40, bit * 8 + 3 : bit * 8 + 5].mean()
            assert shown == pytest.approx(255 * ((1 - share) * old + share * new), abs=25), (index, bit)
    sound = read_sound(tmp_path / "r.mp4")
    assert find_noise(sound, 0.2) == pytest.approx(0.2, abs=0.001)
    assert find_noise(sound, 1.2) == pytest.approx(4.6, abs=0.001)


def test_faded_sound_has_no_sample_too_many_where_a_frame_is_no_whole_number_of_them(tmp_path: Path) -> None:
    # A frame at 30000/1001 per second lasts 1601.6 samples.
    source = write_source(tmp_path / "a.mkv", steady("30000/1001", 6.0), "30000/1001")
    cuts = [Cut(source, start, start + 0.7, "x", None) for start in (0.0, 1.3, 2.9, 4.1)]
    plan = make_plan(cuts, fade_s=0.1)
    lengths = [samples.shape[1] for _, samples in read_blocks(plan, Sources(tmp_path), False)]
    edges = [round(Fraction(frame * 1001 * RATE, 30000)) for frame in range(plan.frames + 1)]
    assert lengths == np.diff(edges).tolist()


def test_a_caption_is_written_below_and_leaves_the_rest(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady("25/1", 2.0), sound=False, height=240, width=320)
    for name, caption in (("plain", False), ("told", True)):
        plan = make_plan([Cut(source, 0.0, 0.4, "Ein Hund läuft, и кот " * 9, 0.5)])
        write_reel(tmp_path / f"{name}.mp4", plan, tmp_path, caption)
    plain, told = (read_pictures(tmp_path / f"{name}.mp4")[0] for name in ("plain", "told"))
    with av.open(str(tmp_path / "told.mp4")) as container:
        assert not container.streams.audio
    for one, other in zip(plain, told, strict=True):
        difference = np.abs(one.astype(int) - other).max(axis=(1, 2))
        assert difference[:210].max() < 40 < difference[222:].max()


def test_a_long_query_leaves_room_for_the_score(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady("25/1", 1.0), sound=False, height=240, width=320)
    told = []
    for score in (0.11, 0.88):
        plan = make_plan([Cut(source, 0.0, 0.04, "a dog runs " * 30, score)])
        told.append(next(read_blocks(plan, Sources(tmp_path), True))[0].astype(int))
    changed = np.flatnonzero(np.abs(told[0] - told[1]).max(axis=(0, 2)))
    assert len(changed) and changed[0] > 200 and changed[-1] < 320 - 5


def test_the_same_reel_has_the_same_bytes(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady("25/1", 2.0))
    for name in ("a", "b"):
        write_reel(tmp_path / f"{name}.mp4", make_plan([Cut(source, 0.0, 1.0, "x", 0.5)]), tmp_path, True)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_missing_encoder_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady("25/1", 1.0))
    with pytest.raises(UserError, match="--encoder h264_none: "):
        write_reel(tmp_path / "r.mp4", make_plan([Cut(source, 0.0, 1.0, "x", 0.5)]), tmp_path, encoder="h264_none")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]
