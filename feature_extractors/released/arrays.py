"""Arrays of released files (.npy, .npz), and their shapes, read from the headers alone. Nothing is unpickled."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cli import UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable

ARCHIVE = (zipfile.BadZipFile, zlib.error, RuntimeError)
"""Errors that a .npz file raises that is damaged (RuntimeError: encrypted, or compressed by an unknown method)."""


def read_array(file: Path, key: str) -> NDArray[np.float32]:
    """Read the features in a .npy file, or in array `key` of a .npz file, as (rows, dim) float32.

    Raises:
        UserError: the file cannot be read, or has no such array; the array is not a matrix of floating-point numbers,
            or not all of them are finite in float32.
    """
    read_shape(file, key)  # its error names a missing array
    try:
        if key:
            with np.load(file, allow_pickle=False) as archive:
                values = archive[key]
        else:
            values = np.load(file, allow_pickle=False)
    except (OSError, ValueError, IndexError, EOFError, MemoryError, *ARCHIVE) as problem:
        raise_if_unreadable(problem, file)
        raise UserError(f"{file}: not a readable NumPy file: {one_line(problem)}") from None
    if values.dtype.kind != "f" or values.ndim != 2:
        raise UserError(f"{file}: features must be floating-point (rows, dim), got {values.dtype} {values.shape}")
    with np.errstate(over="ignore"):
        features = values.astype(np.float32)
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise UserError(f"{file}: row {row} holds numbers that are not finite in float32")
    return features


def read_shape(file: Path, key: str) -> tuple[int, ...]:
    """Read the shape of the same array from its header alone.

    Raises:
        UserError: the file cannot be read, or has no such array.
    """
    try:
        if not key:
            with file.open("rb") as content:
                return _header(content, file.stat().st_size)
        names = list_arrays(file)
        if key not in names:
            raise UserError(f"{file}: has no array {key!r} (it has: {', '.join(names)})")
        with zipfile.ZipFile(file) as archive, archive.open(f"{key}.npy") as content:
            return _header(content, archive.getinfo(f"{key}.npy").file_size)
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError, *ARCHIVE) as problem:
        raise_if_unreadable(problem, file)
        raise UserError(f"{file}: not a readable NumPy file: {one_line(problem)}") from None


def list_arrays(file: Path) -> list[str]:
    """The names of the arrays in a .npz file.

    Raises:
        OSError, *ARCHIVE: the file cannot be read.
    """
    with zipfile.ZipFile(file) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def width_of(file: Path, shape: tuple[int, ...]) -> int:
    """Values per row of an array of `shape`.

    Raises:
        UserError: the array is no matrix, or has no columns.
    """
    if len(shape) != 2 or shape[1] < 1 or shape[0] < 0:
        raise UserError(f"{file}: features must be (rows, dim), got {shape}")
    return shape[1]


def _header(content: IO[bytes], size: int) -> tuple[int, ...]:
    """The shape of the array in a file of `size` bytes, which cannot be larger than the file."""
    read = npy.read_array_header_1_0 if npy.read_magic(content) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(content)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"its header claims an array of {shape}, but it has {size:,} bytes")
    return tuple(shape)
