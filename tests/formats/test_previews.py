"""The folder of previews: what is read is what was written, and no file outside of it is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli import UserError
from formats.previews import TABLE, Preview, read_previews, write_previews

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
