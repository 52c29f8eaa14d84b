"""A file that cannot be read for want of memory, handles or permission is not called damaged."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cli.machine import Unreadable, is_out_of_memory, raise_if_unreadable

FILE = Path("runs/best.pt")


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "too many open files"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "x"), "permission denied"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "input/output error"),
        (MemoryError(), "out of memory (nothing is left)"),
        (
            OSError("Can't synchronously read data (memory allocation failed for chunk)"),  # as HDF5 says it
            "out of memory (Can't synchronously read data (memory allocation failed for chunk))",
        ),
        (Unreadable(f"{FILE}: cannot be read: too many open files"), "too many open files"),
    ],
)
def test_what_is_not_the_files_fault(problem: Exception, message: str) -> None:
    with pytest.raises(Unreadable) as told:
        raise_if_unreadable(problem, FILE)
    assert str(told.value) == f"runs/best.pt: cannot be read: {message}"


def test_damage_is_left_to_the_caller() -> None:
    for problem in (ValueError("a wrong header"), OSError(errno.EINVAL, "a failed seek"), OSError("bad signature")):
        raise_if_unreadable(problem, FILE)


@pytest.mark.parametrize(
    "problem",
    [
        RuntimeError("can't start new thread"),
        ImportError("/lib/x.so: failed to map segment from shared object"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_libraries_without_memory_raise_errors_of_any_kind(problem: Exception) -> None:
    assert is_out_of_memory(problem) and not is_out_of_memory(type(problem)("something else"))
