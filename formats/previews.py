"""Previews: what a page shows of videos without decoding them. A folder with one JSON line per video and its files.

`feature_extractors previews` writes the folder, `eval explore` links it. The files are strips of small pictures, and
copies of videos that browsers do not play.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cli import Settings, UserError
from formats.rows import read_rows, write_rows

TABLE = "previews.jsonl"


@dataclass(frozen=True, kw_only=True)
class Preview(Settings):
    """One line of the table."""

    vid: str
    file: str
    """The video, relative to the folder of videos; empty if there is none."""
    seconds: float
    """Length of the clip grid, which the pictures cover."""
    start_s: float = 0.0
    """Second 0 of the clip grid on the clock of a browser's player."""
    codecs: str = ""
    """What the file holds, such as `h264, aac`; empty if it cannot be read."""
    plays: bool = False
    """Whether browsers play the file."""
    copy: str = ""
    """Name of a copy in the folder that browsers play; empty if there is none."""
    pictures: str = ""
    """Name of a JPEG in the folder, with `count` pictures side by side; empty if there are none."""
    count: int = 0
    """Picture i is from the middle of part i of `count` equal parts of the `seconds`."""
    problem: str = ""
    """What is wrong with the file, or empty."""


def write_previews(folder: Path, previews: Iterable[Preview]) -> None:
    """Write the table of a folder whose other files are written."""
    write_rows(folder / TABLE, (asdict(preview) for preview in previews))


def read_previews(folder: Path) -> dict[str, Preview]:
    """Read the table of a folder, by `vid`.

    Raises:
        UserError: a malformed row, or one that names a file outside the folder.
    """
    found: dict[str, Preview] = {}
    for number, row in enumerate(read_rows(folder / TABLE), start=1):
        where = f"{folder / TABLE}: row {number}"
        preview = Preview.from_dict(row, where=where)
        for name in (preview.pictures, preview.copy):
            if name != Path(name).name:
                raise UserError(f"{where}: names a file outside its folder: {name!r}")
        if preview.pictures and preview.count < 1:
            raise UserError(f"{where}: count must be at least 1, got {preview.count}")
        found[preview.vid] = preview
    return found
