"""The invariants hold on all public rows, and each one notices its own violation."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from feature_extractors.__main__ import main
from feature_extractors.annotations.qvhighlights import find_problems
from formats.rows import read_rows

ROW: dict[str, Any] = {
    "qid": 3,
    "query": "a made-up query",
    "duration": 126,
    "vid": "ab_defghij-_60.0_210.0",
    "relevant_windows": [[4, 8], [6, 10], [120, 126]],
    "relevant_clip_ids": [2, 3, 4, 60, 61, 62],
    "saliency_scores": [[0, 1, 2], [4, 4, 4], [1, 1, 1], [2, 2, 2], [3, 3, 3], [0, 0, 0]],
}
TEST_ROW = {key: ROW[key] for key in ("qid", "query", "duration", "vid")}

BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"qid": "3"}, "qid must be int"),
    ({"qid": True}, "qid must be int"),
    ({"query": " "}, "the query is empty"),
    ({"duration": 126.0}, "duration must be int"),
    ({"duration": 127}, "duration must be even"),
    ({"duration": 152}, "duration must be even and 120 to 150"),
    ({"vid": "ab_defghij-_60_210"}, "YouTube id with start and end"),
    ({"vid": "ab_defghij-_60.0_180.0"}, "shorter than the duration"),
    ({"relevant_windows": []}, "non-empty"),
    ({"relevant_windows": [[4, 8.0], [6, 10], [120, 126]]}, "whole seconds"),
    ({"relevant_windows": [[4, 8], [7, 10], [120, 126]]}, "even seconds"),
    ({"relevant_windows": [[6, 10], [4, 8], [120, 126]]}, "must be sorted"),
    ({"relevant_windows": [[4, 8], [6, 10], [120, 128]]}, "within 0 to 126 s"),
    ({"relevant_windows": [[4, 4], [6, 10], [120, 126]]}, "start before end"),
    ({"relevant_clip_ids": [2, 3, 4, 60, 61, 61]}, "exactly the clips"),
    ({"relevant_clip_ids": [3, 2, 4, 60, 61, 62]}, "exactly the clips"),
    ({"saliency_scores": [[0, 1, 2]] * 5}, "one entry per"),
    ({"saliency_scores": [[0, 1]] * 6}, "lists of 3 whole numbers"),
    ({"saliency_scores": [[0, 1, 5]] * 6}, "0 to 4"),
]


def test_all_public_rows_hold(published: Path) -> None:
    folder = published / "qvhighlights"
    for test in ("test_release", "test_with_gt"):
        files = [folder / f"highlight_{split}.jsonl" for split in ("train_release", "val_release", test)]
        splits = {file: read_rows(file) for file in files}
        assert [len(rows) for rows in splits.values()] == [7218, 1550, 1542]
        assert list(find_problems(splits)) == []


@pytest.mark.parametrize("row", [ROW, TEST_ROW], ids=["labelled", "test"])
def test_a_good_row_has_no_problem(row: dict[str, Any]) -> None:
    assert list(find_problems({Path("train.jsonl"): [row]})) == []


@pytest.mark.parametrize(("change", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_each_violation_is_one_line(change: dict[str, Any], message: str) -> None:
    good = {**ROW, "qid": 2, "vid": "another-vid_0.0_150.0"}
    [line] = find_problems({Path("train.jsonl"): [good, {**copy.deepcopy(ROW), **change}]})
    assert line.startswith("train.jsonl: row 2: qid ")
    assert message in line and "\n" not in line


def test_labels_come_together() -> None:
    row = {key: value for key, value in ROW.items() if key != "saliency_scores"}
    [line] = find_problems({Path("train.jsonl"): [row]})
    assert "saliency_scores is missing" in line


@pytest.mark.parametrize("value", [float("nan"), [1, {"deep": float("-inf")}]])
def test_what_json_cannot_hold_is_a_violation(value: Any) -> None:
    """Python reads NaN, but the rows could not be written again."""
    [line] = find_problems({Path("train.jsonl"): [{**ROW, "extra": value}]})
    assert line.endswith("extra holds NaN or infinity, which JSON does not have")


def test_splits_share_neither_queries_nor_videos() -> None:
    lines = list(find_problems({Path("train.jsonl"): [ROW], Path("val.jsonl"): [ROW]}))
    assert len(lines) == 2
    assert "this qid already occurs in train.jsonl" in lines[0]
    assert "splits must not share videos" in lines[1]


def test_broken_rows_are_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(json.dumps({**ROW, "qid": 1, "vid": "another-vid_0.0_150.0"}) + "\n")
    bad.write_text("".join(json.dumps({**ROW, "qid": qid, "duration": 151}) + "\n" for qid in range(2, 32)))
    arguments = ["convert", "--from", "qvhighlights", "--out", str(tmp_path / "out"), "--files"]
    monkeypatch.setattr("sys.argv", ["feature_extractors", *arguments, str(good), str(bad)])
    assert main() == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 20 + 1  # the first twenty, then how many there are
    assert all("bad.jsonl: row" in line for line in lines[:-1])
    assert "30 violations of" in lines[-1]
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr("sys.argv", ["feature_extractors", *arguments, str(good)])
    assert main() == 0
    [row] = read_rows(tmp_path / "out/good.jsonl")
    assert row["duration_s"] == 126.0
    assert {key: row[key] for key in ROW} == {**ROW, "qid": 1, "vid": "another-vid_0.0_150.0"}


def test_the_released_file_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "val.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    before = path.read_bytes()
    arguments = ["convert", "--from", "qvhighlights", "--files", str(path), "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["feature_extractors", *arguments])
    assert main() == 1
    assert "val.jsonl: would overwrite the input" in capsys.readouterr().err
    assert path.read_bytes() == before
