"""Checks that the parts of a store fit together: rows of many ids one after another, and clips on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CLIPS = 10_000_000
"""Most clips of a video: 230 days at 2 s. More is damage, and would ask for all memory."""


def check_rows(shape: tuple[int, ...], dtype: np.dtype[Any], dim: object) -> None:
    """Check the shape and type of rows; `dim` is the recorded width, None if it is not recorded.

    Raises:
        ValueError: they are no (rows, dim) of floating-point numbers.
    """
    if len(shape) != 2:
        raise ValueError(f"its rows are of shape {shape}, not (rows, dim)")
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise ValueError(f"its rows are of type {dtype}, not float16 or float32")
    if dim is not None and dim != shape[1]:
        raise ValueError(f"its rows have {shape[1]} columns, not dim, {dim}")


def check_length(values: NDArray[Any] | None, length: int, problem: str) -> None:
    """Check that values, if there are any, are (length,).

    Raises:
        ValueError: they are not; with `problem`.
    """
    if values is not None and values.shape != (length,):
        raise ValueError(problem)


def check_offsets(offsets: NDArray[np.int64], ids: Sequence[str], rows: int) -> None:
    """Check that ids are different, and that `offsets` (ids + 1,) deal out all rows.

    Raises:
        ValueError: they do not.
    """
    if len(set(ids)) < len(ids):
        raise ValueError("an id occurs twice")
    if offsets.shape != (len(ids) + 1,) or offsets[0] != 0 or (np.diff(offsets) < 0).any() or offsets[-1] != rows:
        raise ValueError("its offsets do not fit its rows")


def place_rows(
    ids: Sequence[str],
    offsets: NDArray[np.int64],
    times: NDArray[np.float64],
    n_clips: NDArray[np.int64],
    clip_seconds: float,
) -> NDArray[np.int64]:
    """The clip of each row, (rows,), by its times (rows, 2) in seconds.

    Raises:
        ValueError: a time or a number of clips is impossible, or two rows of a video have one clip.
    """
    if n_clips.shape != (len(ids),) or (n_clips < 0).any() or (n_clips > MOST_CLIPS).any():
        raise ValueError("its numbers of clips do not fit its ids")
    if not 0 < clip_seconds < np.inf:
        raise ValueError(f"clips of {clip_seconds:g} s")
    fits = times.shape == (offsets[-1], 2) and np.isfinite(times).all() and (times >= 0).all()
    if not fits or (times[:, 1] <= times[:, 0]).any():
        raise ValueError("its times do not fit its rows")
    with np.errstate(over="ignore"):  # infinite if the clips are far too short
        places = np.rint(times[:, 0] / clip_seconds)
    owners = np.repeat(np.arange(len(ids)), np.diff(offsets))
    beyond = np.flatnonzero(places >= n_clips[owners])
    if len(beyond):
        owner = owners[beyond[0]]
        raise ValueError(f"video {ids[owner]!r} has rows beyond its {n_clips[owner]} clips")
    clips = places.astype(np.int64)
    order = np.lexsort((clips, owners))
    doubled = np.flatnonzero((np.diff(owners[order]) == 0) & (np.diff(clips[order]) == 0))
    if len(doubled):
        raise ValueError(f"video {ids[owners[order[doubled[0]]]]!r} has two rows for one clip")
    return clips
