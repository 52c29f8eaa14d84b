"""Load external weights with `weights_only`: never unpickle arbitrary objects."""

from __future__ import annotations

import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from cli import UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable
from formats.checksums import check_archive

# Arrays of numbers, which some checkpoints hold alongside their tensors (PANN's sampler), under the names that NumPy 1
# and 2 pickle them by. An array of objects is read element by element, under the same rules.
_REBUILD = {"_reconstruct": np.arange(1).__reduce__()[0], "scalar": np.int64(1).__reduce__()[0]}
_ARRAYS: list[Any] = [
    np.ndarray,
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("?", "u1", "i4", "i8", "f4", "f8")},
    *((function, f"numpy.core.multiarray.{name}") for name, function in _REBUILD.items()),
    *((function, f"numpy._core.multiarray.{name}") for name, function in _REBUILD.items()),
]


def load_checkpoint(file: Path) -> dict[str, Any]:
    """Load safetensors, or a torch checkpoint that holds only tensors, arrays of numbers and plain values.

    Raises:
        UserError: the file is missing or damaged, is not a checkpoint, or cannot be read without running code.
    """
    try:
        if file.suffix == ".safetensors":
            return dict(load_file(_existing(file)))
        check_archive(_existing(file))
        with torch.serialization.safe_globals(_ARRAYS):
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as problem:  # a damaged file can raise almost anything
        raise_if_unreadable(problem, file)
        raise UserError(f"{file}: {reason(problem)}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{file}: expected a dictionary of tensors, got {type(loaded).__name__}")
    return loaded


def reason(problem: Exception) -> str:
    """Say in one line why weights cannot be loaded; for a refused pickle, name the function it would have called."""
    called = re.search(r"GLOBAL (\S+)", str(problem))
    if called:
        return f"refused, because reading it would run {called[1]}"
    if isinstance(problem, UnpicklingError):
        return "refused, because it is not a checkpoint of only tensors and plain values"
    return f"not a readable checkpoint: {type(problem).__name__}: {one_line(problem, 300)}"


def not_cached(key: str, what: str, problem: Exception, remedy: str) -> UserError:
    """The error for files that a library looked for in its cache and then could not download.

    Args:
        key: the configuration key that names them.
        remedy: what to do on a machine without a network.
    """
    return UserError(
        f"{key}: {what} is not cached and could not be downloaded ({one_line(problem)}). Without a network: {remedy}"
    )


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise UserError(f"{file}: no such weights")
    return file
