"""What pictures and pages show of videos without decoding them: strips, and folders of previews.

A strip is one video at a glance, frames and sound on its time axis: a NumPy archive (.npz) that `feature_extractors
strip` writes and `eval plot-example` draws. A folder of previews has one JSON line per video, a row of small pictures,
and perhaps a copy that browsers play: `feature_extractors previews` writes it, `eval explore` links it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import Settings, UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable
from cli.outputs import write_bytes
from formats.rows import read_rows, write_rows

TABLE = "previews.jsonl"
"""Name of the table in a folder of previews."""
LOWEST_HZ, HIGHEST_HZ = 50.0, 8000.0
"""Lower end of the lowest band of the sound, and upper end of the highest; bands are as wide as octaves are."""


@dataclass(frozen=True)
class Strip:
    """Frames and sound of a video.

    Attributes:
        vid: id of the video.
        seconds: length of the time axis.
        frames: (N, H, W, 3) RGB, each from the middle of one of N equal parts; N is 0 if there is no picture.
        sound: (bands, columns) power in dB, lowest band first, NaN where there is no sound; each column is one of equal
            parts. (0, 0) if there is no sound at all.
    """

    vid: str
    seconds: float
    frames: NDArray[np.uint8]
    sound: NDArray[np.float32]


def write_strip(path: Path, strip: Strip) -> None:
    """Write a strip: the same strip gives the same bytes."""
    content = io.BytesIO()
    about = {"vid": np.array(strip.vid), "seconds": np.array(strip.seconds)}
    np.savez_compressed(content, frames=strip.frames, sound=strip.sound, allow_pickle=False, **about)
    write_bytes(path, content.getvalue())


def read_strip(path: Path) -> Strip:
    """Read a strip.

    Raises:
        UserError: there is no such file, or it is no strip.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in ("vid", "seconds", "frames", "sound")}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as problem:  # a damaged archive can raise almost any exception
        raise_if_unreadable(problem, path)
        raise UserError(f"{path}: not a readable strip: {one_line(problem)}") from None
    frames, sound, seconds = found["frames"], found["sound"], found["seconds"]
    fits = frames.dtype == np.uint8 and frames.ndim == 4 and frames.shape[3:] == (3,)
    fits = fits and sound.dtype == np.float32 and sound.ndim == 2
    if not fits or seconds.shape != () or not float(seconds) > 0 or found["vid"].shape != ():
        raise UserError(f"{path}: not a strip: written by `feature_extractors strip`?")
    return Strip(str(found["vid"]), float(seconds), frames, sound)


@dataclass(frozen=True, kw_only=True)
class Preview(Settings):
    """One line of the table of previews."""

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
    """Picture i is from the middle half of part i of `count` equal parts of the `seconds`."""
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
