"""Strips and previews are read as they were written, and whatever else a file is, it is one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli import UserError
from formats.strip import TABLE, Preview, Strip, read_previews, read_strip, write_previews, write_strip


def make(frames: int = 3) -> Strip:
    sound = np.array([[1.5, np.nan], [-80.0, -100.0]], np.float32)
    return Strip("v {é}", 12.5, np.arange(frames * 4 * 5 * 3, dtype=np.uint8).reshape(frames, 4, 5, 3), sound)


def test_a_strip_is_read_as_it_was_written(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_strip(tmp_path / name, make())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    found = read_strip(tmp_path / "a.npz")
    assert (found.vid, found.seconds) == ("v {é}", 12.5)
    np.testing.assert_array_equal(found.frames, make().frames)
    np.testing.assert_array_equal(found.sound, make().sound)


def test_neither_frames_nor_sound(tmp_path: Path) -> None:
    empty = Strip("v", 2.0, np.zeros((0, 0, 0, 3), np.uint8), np.zeros((0, 0), np.float32))
    write_strip(tmp_path / "a.npz", empty)
    found = read_strip(tmp_path / "a.npz")
    assert (len(found.frames), found.sound.size) == (0, 0)


def test_other_files_are_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    write_strip(whole, make())
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:-40])
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", features=np.zeros(3))
    good = {"vid": np.array("v"), "seconds": np.array(2.0), "frames": make().frames, "sound": make().sound}
    np.savez(tmp_path / "objects.npz", **{**good, "sound": np.array([None], object)})
    np.savez(tmp_path / "grey.npz", **{**good, "frames": make().frames[..., 0]})
    np.savez(tmp_path / "no_time.npz", **{**good, "seconds": np.array(np.nan)})
    for name in ("gone", "cut", "text", "other", "objects", "grey", "no_time"):
        with pytest.raises(UserError, match=rf"{name}\.npz: (no such file|not a)"):
            read_strip(tmp_path / f"{name}.npz")


PREVIEW = Preview(vid="a b", file="x/a b.mp4", seconds=12.0, start_s=0.5, codecs="h264", plays=True)
SHOWN = replace(PREVIEW, pictures="00000.jpg", count=6)


def test_a_table_is_read_as_written(tmp_path: Path) -> None:
    write_previews(tmp_path, [SHOWN, replace(PREVIEW, vid="c")])
    assert read_previews(tmp_path) == {"a b": SHOWN, "c": replace(PREVIEW, vid="c")}


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "b/a.jpg"])
@pytest.mark.parametrize("key", ["pictures", "copy"])
def test_files_outside_the_folder_are_refused(name: str, key: str, tmp_path: Path) -> None:
    write_previews(tmp_path, [replace(SHOWN, **{key: name})])
    with pytest.raises(UserError, match=rf"{TABLE}: row 1: names a file outside its folder"):
        read_previews(tmp_path)


def test_pictures_must_be_counted(tmp_path: Path) -> None:
    write_previews(tmp_path, [replace(SHOWN, count=0)])
    with pytest.raises(UserError, match="row 1: count must be at least 1, got 0"):
        read_previews(tmp_path)
