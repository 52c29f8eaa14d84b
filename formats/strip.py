"""A strip: one video at a glance, frames and sound on its time axis, for pictures. A NumPy archive (.npz)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.errors import one_line
from cli.outputs import write_bytes

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
        raise UserError(f"{path}: not a readable strip: {one_line(problem)}") from None
    frames, sound, seconds = found["frames"], found["sound"], found["seconds"]
    fits = frames.dtype == np.uint8 and frames.ndim == 4 and frames.shape[3:] == (3,)
    fits = fits and sound.dtype == np.float32 and sound.ndim == 2
    if not fits or seconds.shape != () or not float(seconds) > 0 or found["vid"].shape != ():
        raise UserError(f"{path}: not a strip: written by `feature_extractors strip`?")
    return Strip(str(found["vid"]), float(seconds), frames, sound)
