"""The verb `export`: from prediction files to files of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import opentimelineio as otio
import pytest

from eval.exchange.export import FORMATS
from formats.media.footage import Footage, write_footage
from tests.eval.running import run

QUERIES = [
    {"qid": 1, "vid": "a", "query": "a dog barks", "duration": 100, "relevant_windows": [[4, 8], [50, 60]]},
    {"qid": 2, "vid": "b", "query": "a siren", "duration": 100, "relevant_windows": [[0, 30]]},
]
PREDICTIONS = [
    {"qid": 1, "vid": "a", "pred_relevant_windows": [[10, 30, 0.9], [50, 62, 0.5]], "pred_saliency_scores": [1.0]},
    {"qid": 2, "vid": "b", "pred_relevant_windows": [[0, 12, 0.8], [40, 52, 0.4]], "pred_saliency_scores": [1.0]},
]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def given(tmp_path: Path) -> list[object]:
    """--queries and --footage: one video at 29.97 frames per second, one of a variable rate."""
    steady = {"rate": "30000/1001", "frames": 2997, "width": 64, "height": 48, "sound_rate": 48000, "channels": 2}
    table = [Footage(vid="a", file="a.mp4", seconds=100.0, **steady)]  # type: ignore[arg-type]
    table += [Footage(vid="b", file="b.mp4", seconds=100.0, problem="variable frame rate: frame 7 is late")]
    write_footage(tmp_path / "footage.jsonl", table)
    queries = write_rows(tmp_path / "q.jsonl", QUERIES)
    return ["--queries", queries, "--footage", tmp_path / "footage.jsonl", "--out", tmp_path / "out"]


@pytest.mark.parametrize("name", FORMATS)
def test_predictions_become_files(name: str, given: list[object], tmp_path: Path) -> None:
    predictions = write_rows(tmp_path / "p.jsonl", PREDICTIONS)
    assert run("export", "--format", name, "--predictions", predictions, "--qid", "1", *given) == 0
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == f"{'moments' if FORMATS[name].project else 'a'}{FORMATS[name].suffix}"


def test_options_reach_the_files(given: list[object], tmp_path: Path) -> None:
    predictions = write_rows(tmp_path / "p.jsonl", PREDICTIONS)
    options = ["--topk", "1", "--padding", "2", "--drop-frame", "no", "--videos", tmp_path, "--qid", "1"]
    assert run("export", "--format", "edl", "--predictions", predictions, *options, *given) == 0
    text = (tmp_path / "out/a.edl").read_text()
    found = otio.adapters.read_from_string(text, "cmx_3600", rate=30000 / 1001)
    ((clip,), *_) = found.tracks
    assert "FCM: NON-DROP FRAME" in text
    # 8 s x 30000/1001 = 239.76, 32 s 959.04.
    assert (clip.source_range.start_time.value, clip.source_range.duration.value) == (240, 719)
    assert run("export", "--format", "otio", "--predictions", predictions, *options, *given) == 0
    clip = otio.adapters.read_from_file(f"{tmp_path}/out/a.otio").tracks[0][0]
    assert clip.media_reference.target_url == (tmp_path / "a.mp4").as_uri()
    select = ["--threshold", "0.5", "--merge-gap", "20", "--min-length", "20"]
    assert run("export", "--format", "csv", "--predictions", predictions, *select, *given) == 0
    assert (tmp_path / "out/a.csv").read_text() == "10,62,a dog barks\n"
    assert not (tmp_path / "out/b.csv").exists()


def test_without_predictions_the_labels_are_exported(given: list[object], tmp_path: Path) -> None:
    assert run("export", "--format", "csv", "--topk", "1", *given) == 0
    assert (tmp_path / "out/a.csv").read_text() == "4,8,a dog barks\n50,60,a dog barks\n"
    assert (tmp_path / "out/b.csv").read_text() == "0,30,a siren\n"


def test_a_broken_video_is_named_and_left_out(
    given: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = [Footage(vid="a", file="a.mp4", seconds=0.0, problem="not a readable media file")]
    write_footage(tmp_path / "footage.jsonl", [*table, Footage(vid="b", file="b.mp4", seconds=100.0)])
    assert run("export", "--format", "csv", *given) == 0
    assert capsys.readouterr().err.splitlines()[0] == "left out: a.mp4: not a readable media file"
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["b.csv"]


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if not form.needs_footage])
def test_formats_in_seconds_need_no_table(name: str, given: list[object], tmp_path: Path) -> None:
    assert run("export", "--format", name, *given[:2], *given[4:], "--qid", "1", "--merge-gap", "1") == 0
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--format", "edl", "--qid", "2"],
            "b.mp4: variable frame rate: frame 7 is late: re-encode it at a constant rate",
        ),
        (["--format", "csv", "--qid", "3"], "--qid 3: no such query in "),
        (["--format", "csv", "--per", "all"], "--per all: a file of --format csv is about one video"),
        (["--format", "csv", "--min-length", "99"], "no moments are selected"),
        (["--format", "csv", "--padding", "-1"], "argument --padding: must be a number from 0, got '-1'"),
        (["--format", "csv", "--threshold", "nan"], "argument --threshold: must be a number, got 'nan'"),
        (["--format", "csv", "--merge-gap", "1", "--keep-overlapping"], "not allowed with argument"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    options: list[str], message: str, given: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert run("export", *options, *given) == 1
    except SystemExit as stop:
        assert stop.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_video_of_a_variable_rate_is_left_out_with_a_line(
    given: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--format", "fcp7", *given) == 0
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("left out: b.mp4: variable frame rate: frame 7 is late")
    assert last == f"{tmp_path}/out: 1 file of format fcp7"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.xml"]


def test_a_table_is_asked_for_where_it_is_needed(
    given: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("export", "--format", "fcpxml", *given[:2], *given[4:]) == 1
    assert "--footage: required for --format fcpxml: make it with `python -m" in capsys.readouterr().err


def test_an_input_is_never_overwritten(given: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queries = write_rows(tmp_path / "a.csv", QUERIES)
    before = queries.read_bytes()
    assert run("export", "--format", "csv", "--queries", queries, "--out", tmp_path) == 1
    assert "would overwrite the input" in capsys.readouterr().err
    assert queries.read_bytes() == before


def test_moments_of_other_queries_are_named(
    given: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = write_rows(tmp_path / "p.jsonl", [{**row, "query": "A siren."} for row in PREDICTIONS])
    assert run("export", "--format", "csv", "--predictions", predictions, *given) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "note:" in line]
    assert f"{predictions}: made for other queries? The text of 1 differs from that in {tmp_path}/q.jsonl" in line
    assert line.endswith("first qid 1: 'A siren.', there 'a dog barks'")
