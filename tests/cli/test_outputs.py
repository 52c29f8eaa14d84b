"""Reading and writing of JSON: one line for what is no JSON or no place to write, and no half files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli import UserError
from cli.outputs import check_outputs, remove_leftovers, replacing, write_text
from formats.rows import first_with_rows, read_object, read_rows, write_object

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


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("deep/real.json")
    (tmp_path / "dangling.json").symlink_to("deep/new.json")
    for name in ("link.json", "dangling.json"):
        write_object(tmp_path / name, {})
        assert (tmp_path / name).is_symlink() and (tmp_path / name).read_text() == "{}\n"
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["new.json", "real.json"]
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="loop: cannot be written: a link to itself"):
        write_object(tmp_path / "loop", {})


def test_devices_and_pipes_get_the_bytes_and_stay(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_text(tmp_path / "pipe", "through")
    reader.join(10)
    assert found == ["through"] and (tmp_path / "pipe").is_fifo()
    # By a link, so that a mistake costs the link and not the machine's device.
    (tmp_path / "null").symlink_to("/dev/null")
    write_text(tmp_path / "null", "gone")
    assert (tmp_path / "null").is_char_device() and (tmp_path / "null").is_symlink()


def test_a_file_of_a_part_s_name_is_kept_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "m.part.json").write_text("mine")
    write_text(tmp_path / "m.json", "new")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "m.json") as part:
        part.write_text("half")
        assert part.suffix == ".json"
        raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "m.part.json"]
    assert ((tmp_path / "m.part.json").read_text(), (tmp_path / "m.json").read_text()) == ("mine", "new")


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "resume.pt"
    program = f"""if True:
        import os, pathlib
        from cli.outputs import replacing
        with replacing(pathlib.Path({str(path)!r})) as part:
            part.write_text("half")
            os.kill(os.getpid(), 9)"""
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    write_text(tmp_path / "resume.pt.part", "another's")
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(path)
    assert [found.name for found in tmp_path.iterdir()] == ["resume.pt.part"]


def test_outputs_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    read, new = tmp_path / "in.json", tmp_path / "out.json"
    read.write_text("kept")
    (tmp_path / "again.json").symlink_to("in.json")
    check_outputs([new, tmp_path / "sub/other.json", Path("/dev/null"), Path("/dev/null")], [read, Path("/dev/null")])
    wrong: list[tuple[list[Path], str]] = [
        ([new, read], "in.json: would overwrite the input"),
        ([tmp_path / "sub/../in.json"], "would overwrite the input"),
        ([tmp_path / "again.json"], "again.json: would overwrite the input .*in.json"),
        ([new, tmp_path / "./out.json"], "out.json: is to be written twice"),
        ([new / "below.json", new], "below.json: cannot be written: .*out.json is to be a file"),
        ([new, tmp_path], "is a folder"),
        ([new, read / "below.json"], "is not a folder"),
    ]
    for outputs, message in wrong:
        with pytest.raises(UserError, match=message):
            check_outputs(outputs, [read])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.json", "in.json"]


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
    with pytest.raises(UserError, match=r"a and 1 more have no rows: no domain can be read, see reports/problems\.tsv"):
        first_with_rows([tmp_path / "a", tmp_path / "a"])
