"""Reading and writing of JSON: one line for what is no JSON or no place to write, and no half files."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli import UserError
from cli.outputs import check_outputs, remove_leftovers, replacing, saving, write_text
from formats.rows import write_object


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
        ([new, tmp_path / "./out.json"], "out.json: would be written twice"),
        ([new / "below.json", new], "below.json: cannot be written: .*out.json is also an output, and a file"),
        ([new, tmp_path], "is a folder"),
        ([new, read / "below.json"], "is not a folder"),
    ]
    for outputs, message in wrong:
        with pytest.raises(UserError, match=message):
            check_outputs(outputs, [read])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.json", "in.json"]


def test_a_full_disk_is_one_line_whatever_the_library(tmp_path: Path) -> None:
    """PyAV's errors refuse another file name, torch's are no errors of the system."""

    class Fixed(OSError):
        filename = property(lambda self: str(tmp_path / ".v.mp4.x.part/v.mp4"))

    path = tmp_path / "v.mp4"
    with pytest.raises(OSError, match="No space left on device") as problem, replacing(path):
        raise Fixed(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert (problem.value.errno, problem.value.filename) == (errno.ENOSPC, str(path))
    line = rf"{path}: cannot be written \(is the disk full\?\): unexpected pos 4 vs 2"
    with pytest.raises(UserError, match=line), replacing(path), saving(path):
        raise RuntimeError("unexpected pos 4\nvs 2")
    with pytest.raises(PermissionError), saving(path):
        raise PermissionError(errno.EACCES, "no")
    assert list(tmp_path.iterdir()) == []
