"""`python -m av_highlights reel`: from prediction files to a video, and one line for each mistake."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import pytest

from av_highlights.__main__ import build_command
from tests.feature_extractors.made_media import Coding, steady, write_media

QUERIES = [
    {"qid": 1, "vid": "a", "query": "x", "relevant_windows": [[0, 1], [3, 4]]},
    {"qid": 2, "vid": "b", "query": "y", "relevant_windows": [[1, 3]]},
    {"qid": 3, "vid": "gone", "query": "z", "relevant_windows": [[1, 3]]},
]
PREDICTIONS = [{"qid": 2, "vid": "b", "pred_relevant_windows": [[0, 2, 0.9], [3, 4, 0.1]]}]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for vid, rate in (("a", 10), ("b", 10)):
        coding = Coding(rate=Fraction(rate), clock=Fraction(1, rate), options={"bf": "0"})
        write_media(folder / f"{vid}.mp4", steady(5, rate), coding=coding)
    for name, rows in (("q", QUERIES), ("p", PREDICTIONS)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def run(media: Path, *arguments: str) -> int:
    given = ["reel", "--queries", f"{media}/q.jsonl", "--videos", str(media), *arguments]
    try:
        return build_command().main(given)
    except SystemExit as ended:
        return int(ended.code or 0)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ([], 40),
        (["--qid", "1"], 20),
        (["--qid", "1", "--padding", "0.5"], 35),  # 0 to 1.5 s and 2.5 to 4.5 s
        (["--predictions", "p.jsonl"], 30),
        (["--predictions", "p.jsonl", "--target-length", "2.5"], 20),
        (["--predictions", "p.jsonl", "--fade", "0.2", "--order", "score"], 28),
        (["--qid", "1", "--rate", "20", "--size", "32x24", "--caption"], 40),
    ],
)
def test_moments_become_a_reel(options: list[str], frames: int, media: Path, tmp_path: Path) -> None:
    given = [f"{media}/{option}" if option == "p.jsonl" else option for option in options]
    assert run(media, *given, "--out", f"{tmp_path}/r.mp4") == 0
    assert count_frames(tmp_path / "r.mp4") == frames


def test_a_missing_video_is_named_and_left_out(media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(media, "--out", f"{tmp_path}/r.mp4") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "left out: gone: no video 'gone'"
    assert lines[1] == f"{tmp_path}/r.mp4: 3 moments, 4.0 s"


def test_captions_with_letters_that_cannot_be_drawn_are_told(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"qid": 1, "vid": "a", "query": "\U0010fffd", "relevant_windows": [[0, 0.2]]}  # private use: no font has it
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n")
    for options, told in (([], False), (["--caption"], True)):
        given = ["reel", "--queries", f"{tmp_path}/q.jsonl", "--videos", str(media), "--out", f"{tmp_path}/r.mp4"]
        assert build_command().main([*given, *options]) == 0
        assert ("1 query has characters that the font cannot draw" in capsys.readouterr().err) == told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--qid", "3"], "no moments of videos with pictures are selected"),
        (["--target-length", "0.5"], "no moment fits into 0.5 s: the shortest has 1 s"),
        (["--size", "1x1"], "must be such as 1920x1080, got '1x1'"),
        (["--rate", "0"], "must be frames per second, such as 25 or 30000/1001, got '0'"),
        (["--rate", "25/0"], "must be frames per second"),
        (["--encoder", "none"], "--encoder none: FFmpeg in PyAV has no such encoder"),
        (["--encoder", "mpeg4"], "--encoder mpeg4: not an encoder of H.264"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    options: list[str], message: str, media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(media, *options, "--out", f"{tmp_path}/r.mp4") > 0
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_no_video_is_overwritten(media: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (media / "a.mp4").read_bytes()
    assert run(media, "--qid", "1", "--out", f"{media}/a.mp4") == 1
    assert "a.mp4: would overwrite the input" in capsys.readouterr().err
    assert (media / "a.mp4").read_bytes() == before


def test_a_reel_is_mp4(media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(media, "--out", f"{tmp_path}/r.avi") == 1
    assert "r.avi: must end in .mp4" in capsys.readouterr().err
