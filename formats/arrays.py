"""Arrays of numbers in JSON, read with one clear line for anything malformed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.rows import shorten

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGEST = float(np.finfo(np.float32).max)
"""Largest number allowed: models compute in 32 bits, and sums of such numbers stay finite in 64."""


def read_numbers(value: Any, shape: tuple[int | None, ...], what: str, largest: float = LARGEST) -> Floats:
    """Convert a list of numbers, or of lists of them, to an array. None in `shape` allows any length, also `[]`.

    NumPy alone would take "1.5" for a number, true for 1 and null for NaN. `what` names the value in messages.

    Raises:
        UserError: not numbers, another shape, or a number that is not finite or is beyond ±`largest`.
    """
    wanted = " x ".join("n" if size is None else str(size) for size in shape)
    try:
        array = np.asarray(value)
    except ValueError:
        raise UserError(f"{what}: must be {wanted} numbers, got rows of different lengths") from None
    if isinstance(value, list) and not value and shape[0] is None:
        return np.zeros([size or 0 for size in shape])
    fits = array.ndim == len(shape) and all(size in (None, got) for size, got in zip(shape, array.shape, strict=True))
    if array.dtype.kind not in "iuf" or not fits:
        raise UserError(f"{what}: must be {wanted} numbers, got {shorten(value)}")
    if array.ndim and any(bool in map(type, row) for row in (value if array.ndim > 1 else [value])):
        raise UserError(f"{what}: must be {wanted} numbers, holds true or false")
    array = array.astype(np.float64)
    if not (np.abs(array) <= largest).all():
        cause = f"a number beyond ±{largest:.3g}" if np.isfinite(array).all() else "NaN or infinity"
        raise UserError(f"{what}: holds {cause}")
    return array
