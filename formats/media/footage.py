"""The footage table: one JSON line per video, with what an editing program must know about its media file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from cli import Settings, UserError
from formats.rows import read_rows, write_rows

TIMECODE = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d\d)")
"""Hours, minutes, seconds and frames. A semicolon or a point before the frames marks drop-frame time code."""
_RATE = re.compile(r"[1-9]\d{0,8}/[1-9]\d{0,8}")


@dataclass(frozen=True, kw_only=True)
class Footage(Settings):
    """One line of a footage table."""

    vid: str
    file: str
    """Name relative to the folder of videos."""
    seconds: float
    """Length from second 0 of the clip grid."""
    rate: str = ""
    """Exact frames per second, such as 30000/1001; empty if the frame rate is variable or there are no pictures."""
    frames: int = 0
    lead_s: float = 0.0
    """Seconds from second 0 of the clip grid to the first frame; 0 for most files."""
    width: int = 0
    """Pixels of an upright picture."""
    height: int = 0
    pixel_aspect: str = ""
    """Width of an upright pixel relative to its height, such as 4/3; empty if pixels are square."""
    sound_rate: int = 0
    """Samples per second; 0 if there is no sound."""
    channels: int = 0
    timecode: str = ""
    """Time code of the first frame, such as 01:00:00;00, if the file has one."""
    problem: str = ""
    """Why there is no frame rate, or why the file cannot be read."""

    def exact_rate(self) -> Fraction | None:
        """Frames per second; None if the frame rate is variable."""
        return Fraction(self.rate) if self.rate else None

    def shape_of_pixels(self) -> Fraction:
        """Width of an upright pixel relative to its height."""
        return Fraction(self.pixel_aspect) if self.pixel_aspect else Fraction(1)

    def shown_size(self) -> tuple[int, int]:
        """Width and height as players show the picture: pixels that are not square make it wider."""
        shape = self.shape_of_pixels()
        if shape >= 1:
            return round(self.width * shape), self.height
        return self.width, round(self.height / shape)


def write_footage(path: Path, table: Iterable[Footage]) -> None:
    """Write a footage table, one JSON object per line."""
    write_rows(path, (asdict(footage) for footage in table))


def read_footage(path: Path) -> dict[str, Footage]:
    """Read a footage table by video id.

    Raises:
        UserError: a malformed line, or a video that occurs twice.
    """
    found: dict[str, Footage] = {}
    for number, row in enumerate(read_rows(path), start=1):
        where = f"{path}: row {number}"
        footage = Footage.from_dict(row, where=where)
        if footage.rate and not _RATE.fullmatch(footage.rate):
            raise UserError(f"{where}: rate must be a fraction such as 30000/1001, got {footage.rate[:40]!r}")
        if footage.pixel_aspect and not _RATE.fullmatch(footage.pixel_aspect):
            raise UserError(f"{where}: pixel_aspect must be a fraction such as 4/3, got {footage.pixel_aspect[:40]!r}")
        if footage.timecode and not TIMECODE.fullmatch(footage.timecode):
            raise UserError(f"{where}: timecode must be such as 01:00:00:00, got {footage.timecode[:40]!r}")
        if not 0 <= footage.seconds < float("inf") or not 0 <= footage.lead_s < float("inf") or footage.frames < 0:
            raise UserError(f"{where}: seconds, lead_s and frames must be 0 or more")
        if footage.vid in found:
            raise UserError(f"{where}: video {footage.vid!r} occurs twice")
        found[footage.vid] = footage
    return found
