"""Reels whose pictures are copied: only where that gives the same frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from av_highlights.reel.copying import find_copy
from av_highlights.reel.plan import make_plan
from av_highlights.reel.source import Sources
from av_highlights.reel.writing import write_reel
from eval.exchange.cuts import Cut
from formats.media.footage import Footage
from tests.av_highlights.reel.test_writing import find_noise, read_pictures, read_sound, steady, write_source
from tests.feature_extractors.made_media import read_number


@pytest.fixture(params=["mp4", "mkv"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Footage:
    """A video with a key frame every 50 frames, 2 s, and B-frames. MP4 has no uncompressed sound in FFmpeg."""
    return write_source(tmp_path / f"a.{request.param}", steady("25/1"), sound=request.param == "mkv")


def sizes(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize(
    ("spans", "frames"),
    [
        ([(2.0, 4.0)], [(50, 100)]),
        ([(2.0, 4.0), (6.0, 8.0)], [(50, 100), (150, 200)]),  # the second one ends with the file
        ([(4.0, 6.0), (0.0, 4.0)], [(100, 150), (0, 100)]),
    ],
)
def test_pictures_are_copied_where_cuts_lie_between_groups(
    spans: list[tuple[float, float]], frames: list[tuple[int, int]], source: Footage, tmp_path: Path
) -> None:
    plan = make_plan([Cut(source, *span, "x", None) for span in spans])
    assert find_copy(plan, Sources(tmp_path)) is not None
    write_reel(tmp_path / "r.mp4", plan, tmp_path)
    pictures, times = read_pictures(tmp_path / "r.mp4")
    assert [read_number(picture) for picture in pictures] == [n for first, stop in frames for n in range(first, stop)]
    assert times == pytest.approx(np.arange(len(pictures)) / 25, abs=0.0015)  # Matroska counts milliseconds
    original = sizes(tmp_path / source.file)
    if source.file.endswith("mp4"):
        # The packets are the file's own, group by group.
        assert sizes(tmp_path / "r.mp4") == [packet for first, stop in frames for packet in original[first:stop]]
    else:
        sound, begin = read_sound(tmp_path / "r.mp4"), 0
        for first, stop in frames:
            assert find_noise(sound, begin / 25 + 0.5) == pytest.approx(first / 25 + 0.5, abs=0.001)
            begin += stop - first


@pytest.mark.parametrize("rate", ["24000/1001", "50/1", "60000/1001", "60/1"])
def test_pictures_are_copied_right_to_the_frame_at_other_rates(rate: str, tmp_path: Path) -> None:
    source = write_source(tmp_path / "a.mkv", steady(rate, 130 / float(Fraction(rate))), rate)
    frames = [(50, 100), (0, 50)]  # groups have 50 frames
    spans = [tuple(float(frame / Fraction(rate)) for frame in pair) for pair in frames]
    plan = make_plan([Cut(source, start, end, "x", None) for start, end in spans])
    assert find_copy(plan, Sources(tmp_path)) is not None
    write_reel(tmp_path / "r.mp4", plan, tmp_path)
    pictures, _ = read_pictures(tmp_path / "r.mp4")
    assert [read_number(picture) for picture in pictures] == [n for first, stop in frames for n in range(first, stop)]
    sound = read_sound(tmp_path / "r.mp4")
    for at, begin in ((0, 50), (50, 0)):
        moment = float(at / Fraction(rate)) + 0.2
        assert find_noise(sound, moment) == pytest.approx(float(begin / Fraction(rate)) + 0.2, abs=0.001)


@pytest.mark.parametrize("span", [(2.04, 4.0), (2.0, 3.96), (2.0, 4.04), (1.0, 3.0)])
def test_other_cuts_are_encoded(span: tuple[float, float], source: Footage, tmp_path: Path) -> None:
    plan = make_plan([Cut(source, 4.0, 6.0, "x", None), Cut(source, *span, "x", None)])
    assert find_copy(plan, Sources(tmp_path)) is None


def test_what_changes_the_pictures_is_encoded(source: Footage, tmp_path: Path) -> None:
    cuts = [Cut(source, 2.0, 4.0, "x", None), Cut(source, 4.0, 6.0, "x", None)]
    for plan in (
        make_plan(cuts, fade_s=0.2),
        make_plan(cuts, size=(32, 24)),
        make_plan(cuts, rate=Fraction(50)),
        make_plan([*cuts, Cut(write_source(tmp_path / "b.mp4", steady("25/1", 2.0)), 0.0, 2.0, "x", None)]),
    ):
        assert find_copy(plan, Sources(tmp_path)) is None
    for name, given in (("told", {"caption": True}), ("named", {"encoder": "libx264"})):
        write_reel(tmp_path / f"{name}.mp4", make_plan(cuts), tmp_path, **given)  # type: ignore[arg-type]
        assert not set(sizes(tmp_path / f"{name}.mp4")) & set(sizes(tmp_path / source.file))


def test_another_codec_and_a_turned_picture_are_encoded(tmp_path: Path) -> None:
    other = write_source(tmp_path / "a.mkv", steady("25/1", 4.0), sound=False, codec="mpeg4")
    assert find_copy(make_plan([Cut(other, 0.0, 2.0, "x", None)]), Sources(tmp_path)) is None
