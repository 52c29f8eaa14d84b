"""Annotation rows: which query each one is, its domain, and how long its video is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli import UserError
from formats.annotations import count_clips, index_by_qid, index_by_vid, index_truth, read_annotations, select_domains


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qid": 7.5}, "row 2: qid must be a whole number or a string, got 7.5"),
        ({"qid": True}, "row 2: qid must be a whole number or a string, got True"),
        ({"qid": 0}, "row 2: qid 0 occurs twice"),
        ({"qid": "0"}, "row 2: qid 0 occurs twice"),
        ({"query": None}, "row 2: query must be text, got None"),
        ({"vid": 3}, "row 2: vid must be text, got 3"),
        ({"query": "a\0b"}, r"row 2: query holds the character \\u0000, which no feature store can hold"),
        ({"vid": "\0"}, r"row 2: vid holds the character \\u0000"),
        ({"qid": "7\0"}, r"row 2: qid holds the character \\u0000"),
    ],
)
def test_annotations_are_checked(tmp_path: Path, change: dict[str, object], message: str) -> None:
    rows: list[dict[str, object]] = [{"qid": qid, "query": "q", "vid": vid} for qid, vid in enumerate("ab")]
    rows[1] |= change
    (tmp_path / "val.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=message):
        read_annotations([tmp_path / "val.jsonl"])


def test_a_qid_is_unique_over_all_splits(tmp_path: Path) -> None:
    for name in ("train", "val"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"qid": 5, "query": "q", "vid": name}) + "\n")
    with pytest.raises(UserError, match=r"val\.jsonl: row 1: qid 5 occurs twice"):
        read_annotations([tmp_path / "train.jsonl", tmp_path / "val.jsonl"])


def test_rows_are_found_by_their_ids_in_order() -> None:
    rows: list[dict[str, Any]] = [{"qid": 7, "vid": "b"}, {"qid": "7", "vid": "a"}]
    assert list(index_by_qid(rows, "g")) == [7, "7"]  # predictions may tell them apart; stores cannot
    assert list(index_by_vid(rows, "t")) == ["b", "a"]
    assert list(index_truth(rows, "g")) == [7, "7"]
    for qid in (None, 1.0, False, [1]):
        with pytest.raises(UserError, match="g: row 2: qid must be a whole number or a string, got "):
            index_by_qid([rows[0], {"qid": qid}], "g")
    with pytest.raises(UserError, match="g: qid 7: occurs twice"):
        index_by_qid([rows[0], rows[0]], "g")
    with pytest.raises(UserError, match="t: vid b: occurs twice"):
        index_by_vid([rows[0], rows[0]], "t")
    with pytest.raises(UserError, match="t: row 1: vid must be text, got 3"):
        index_by_vid([{"vid": 3}], "t")
    with pytest.raises(UserError, match="g: qid 1: query must be text, got 5"):
        index_truth([{"qid": 1, "query": 5}], "g")


def test_domains_are_selected_and_every_one_must_be_there() -> None:
    rows = [{"qid": 1, "domain": "B"}, {"qid": 2, "domain": "A"}, {"qid": 3}, {"qid": 4, "domain": ["A"]}]
    assert [row["qid"] for row in select_domains(rows, ["A", "B"], "f")] == [1, 2]
    with pytest.raises(UserError, match=r"^f: no row of domain 'C' \(domains: A, B\)$"):
        select_domains(rows, ["A", "C"], "f")
    with pytest.raises(UserError, match=r"\(domains: none\)"):
        select_domains(rows[2:3], ["A"], "f")


def test_clips_are_counted_as_the_official_evaluation_does() -> None:
    """int(duration / 2): a clip that is cut short does not count, unlike on the grid of the streams."""
    assert [count_clips({"qid": 1, "duration": seconds}, "g") for seconds in (2, 3.99, 150, 86400)] == [1, 1, 75, 43200]
    for seconds in (None, True, "150", 0, -2, 86401, float("nan"), 10**400):
        with pytest.raises(UserError, match="g: qid 1: duration must be seconds, at most 86400, got "):
            count_clips({"qid": 1, "duration": seconds}, "g")
    with pytest.raises(UserError, match=r"g: qid 1: duration 1\.5 s is shorter than one clip"):
        count_clips({"qid": 1, "duration": 1.5}, "g")
