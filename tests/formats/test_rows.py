"""JSON and JSON lines: one line for what is no JSON, and what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import UserError
from formats.rows import first_with_rows, read_object, read_rows, with_rows

# What the JSON module itself ends with RecursionError or ValueError for, or what cannot be written again.
NO_VALUES = {
    "deep": ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    "long": ('{"a": ' + "9" * 5000 + "}", "a whole number of more than 4300 digits"),
    "surrogate": ('{"a": "\\ud800"}', "half of a surrogate pair"),
    "broken": ('{"a": ', "not JSON: Expecting value"),
}


@pytest.mark.parametrize("fault", NO_VALUES)
def test_json_that_is_no_value_is_one_line(tmp_path: Path, fault: str) -> None:
    text, message = NO_VALUES[fault]
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"a\.json: .*{message}"):
        read_object(path)
    path.write_text(f"{{}}\n{text}\n")
    with pytest.raises(UserError, match=rf"a\.json: line 2: .*{message}") as problem:
        read_rows(path)
    assert "\n" not in str(problem.value)


def test_the_line_of_a_fault_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n  "a": 1,\n  "b": \n}\n')
    with pytest.raises(UserError, match=r"a\.json: line 4: not JSON: Expecting value"):
        read_object(path)


def test_escaped_characters_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "\\ud83d\\ude00 \\u043a"}')
    assert read_object(tmp_path / "a.json") == {"a": "😀 к"}


def test_a_mark_at_the_beginning_of_a_file_is_passed_over(tmp_path: Path) -> None:
    """Editors on Windows write one before UTF-8 text."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"qid": 1}\n{"qid": 2}\n')
    assert read_rows(path) == [{"qid": 1}, {"qid": 2}]
    path.write_bytes(b"\xef\xbb\xbf" + b'{"qid": 1}\n')
    assert read_object(path) == {"qid": 1}


def test_the_first_file_with_rows(tmp_path: Path) -> None:
    for name, text in (("a", ""), ("b", "\n"), ("c", "{}\n"), ("d", "{}\n")):
        (tmp_path / name).write_text(text)
    assert first_with_rows([tmp_path / name for name in "abcd"]) == 2
    assert first_with_rows([tmp_path / "a"]) == 0
    assert with_rows([tmp_path / name for name in "acbc"]) == [1, 3]
    with pytest.raises(UserError, match=r"a and 1 more have no rows: no domain can be read, see the list of problems"):
        first_with_rows([tmp_path / "a", tmp_path / "a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"qid": 0}\n\n{"qid": ', "line 3: not JSON"),  # lines count as an editor counts them
        (b"[1]\n", "line 1: not an object"),
        (b'{"query": "caf\xe9"}\n', "not UTF-8 text"),  # Latin-1
        (b"\x00\x01\xff\xd8 an image by mistake", "not UTF-8 text"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=rf"rows\.jsonl: {message}"):
        read_rows(tmp_path / "rows.jsonl")


def test_rows_are_unicode(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"query": "кот на крыше"}\n', encoding="utf-8")
    assert read_rows(tmp_path / "rows.jsonl") == [{"query": "кот на крыше"}]
