"""Parts of the queries: selection by a key, a rule and a list, and errors."""

from __future__ import annotations

import json

import pytest

from cli import UserError
from eval.parts import join_videos, select_listed, select_where, split_by

ROWS = [
    {"qid": 0, "vid": "a", "query": "one two", "modality": "audio", "relevant_windows": [[0, 10]]},
    {"qid": 1, "vid": "a", "query": "one", "modality": "visual", "relevant_windows": [[0, 30], [40, 50]]},
    {"qid": 2, "vid": "b", "query": "one two three", "has_audio": False, "modality": "audio", "relevant_windows": []},
]


def test_a_key_splits_by_its_values():
    assert split_by(ROWS, ["modality", "has_audio"]) == {
        "modality=audio": [0, 2],
        "modality=visual": [1],
        "has_audio=false": [2],
        "has_audio=null": [0, 1],
    }


@pytest.mark.parametrize(
    ("rule", "places"),
    [
        ("modality=audio", [0, 2]),
        ("window_seconds=10:30", [1]),  # mean 20 s; the lower end is not within
        ("window_seconds=:10", [0]),
        ("window_seconds=5:", [0, 1]),
        ("windows=0", [2]),
        ("words=2:", [2]),
        ("modality=audio,words=1:2", [0]),
        ("has_audio=false", [2]),
        ("qid=1", [1]),
    ],
)
def test_a_rule_selects(rule, places):
    assert select_where(ROWS, rule) == {rule: places}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("modality", "must be KEY=VALUE"),
        ("sound=loud", "no row has the key 'sound'"),
        ("modality=smell", "no query matches modality=smell"),
        ("words=few", "must be a number or LOW:HIGH"),
        ("relevant_windows=1", "must be a single value, got a list"),
    ],
)
def test_a_wrong_rule_is_named(rule, message):
    with pytest.raises(UserError, match=message):
        select_where(ROWS, rule)


@pytest.mark.parametrize("content", ["2\n0\n\n", '{"qid": 0}\n{"qid": "2"}\n'])
def test_a_list_selects(tmp_path, content):
    (tmp_path / "audio.txt").write_text(content)
    assert select_listed(ROWS, tmp_path / "audio.txt") == {"list=audio": [0, 2]}
    row = json.dumps({"qid": ROWS[0]["qid"], "query": "one\u2028line"}, ensure_ascii=False)
    (tmp_path / "rows.jsonl").write_text(row + "\n", encoding="utf-8")
    assert select_listed(ROWS, tmp_path / "rows.jsonl") == {"list=rows": [0]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no query ids"),
        ("0\n7\n", "line 2: qid 7 is not in"),
        ("{\n", "line 1: not JSON"),
        ('{"qid": true}', "line 1: qid must be"),
        ('{"qid": ' + "9" * 5000 + "}", "line 1: a whole number of more than"),
        (None, "no such file"),
    ],
)
def test_a_wrong_list_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "list.txt").write_text(content)
    with pytest.raises(UserError, match=message):
        select_listed(ROWS, tmp_path / "list.txt")


@pytest.mark.parametrize(("key", "message"), [("nothing", "no row has"), ("relevant_windows", "got a list")])
def test_keys_are_checked(key, message):
    with pytest.raises(UserError, match=message):
        split_by(ROWS, [key])


def test_a_key_of_too_many_values_is_refused():
    with pytest.raises(UserError, match="60 values"):
        split_by([{"qid": qid} for qid in range(60)], ["qid"])


def test_a_list_may_name_what_is_not_covered(tmp_path):
    (tmp_path / "list.txt").write_text("2\n7\n")
    assert select_listed(ROWS, tmp_path / "list.txt", left_out={7}) == {"list=list": [2]}
    (tmp_path / "list.txt").write_text("7\n")
    with pytest.raises(UserError, match="no query ids that have a prediction"):
        select_listed(ROWS, tmp_path / "list.txt", left_out={7})


def test_a_table_of_videos_adds_keys():
    videos = [{"vid": "a", "has_audio": True}, {"vid": "b", "has_audio": True}]
    joined = join_videos(ROWS, videos, "manifest")
    assert [row["has_audio"] for row in joined] == [True, True, False]  # the row's own stays
    with pytest.raises(UserError, match="manifest: the videos of 2 queries are missing, the first is vid a"):
        join_videos(ROWS, videos[1:], "manifest")
    for rows, message in (
        ([{"vid": 1}], "row 1: vid must be text, got 1"),
        ([{}], "row 1: vid must be text, got None"),
    ):
        with pytest.raises(UserError, match=f"manifest: {message}"):
            join_videos(ROWS, rows, "manifest")
    with pytest.raises(UserError, match="manifest: vid a: occurs twice"):
        join_videos(ROWS, [*videos, videos[0]], "manifest")


def test_what_a_table_of_videos_says_is_checked_too():
    rows = [{"qid": 0, "vid": "a"}]
    joined = join_videos(rows, [{"vid": "a", "query": 5, "relevant_windows": 5}], "manifest")
    assert select_where(joined, "words=1") == {"words=1": [0]}
    with pytest.raises(UserError, match="qid 0: relevant_windows: must be n x 2 numbers, got 5"):
        select_where(joined, "windows=1")
