"""Reading and writing of JSON: one line for what is no JSON or no place to write, and no half files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import UserError
from cli.files import read_object, read_rows, replacing, write_object, write_text

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


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match="is a folder, not a file"):
        write_object(tmp_path, {})
    for below in ("file/a.json", "file/deeper/a.json"):
        with pytest.raises(UserError, match=r"a\.json: cannot be written: .* is not a folder"):
            write_object(tmp_path / below, {})
    with pytest.raises(UserError, match=r"a\.txt: cannot be written: a name in it is not UTF-8"):
        write_text(tmp_path / "a.txt", "\udcff")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_full_disk_is_told_with_the_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(OSError, match=r"No space left on device: .*a\.json"), replacing(path) as part:
        part.write_text("half")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())
