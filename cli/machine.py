"""Faults of the machine, which say nothing about the file that a program works on: no memory, no more file handles."""

from __future__ import annotations

import errno
from pathlib import Path

from cli.errors import UserError, one_line

OF_MACHINE = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.ENODEV,
    errno.ENXIO,
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
}
# What libraries say without memory, where they raise errors of any kind: torch, HDF5, Python's threads and its loader.
_NO_MEMORY = (
    "can't allocate memory",
    "memory allocation failed",
    "can't start new thread",
    "failed to map segment",
    "Cannot allocate memory",
)


class Unreadable(UserError):
    """A file that could not be read, although nothing is known to be wrong with its content."""


def is_out_of_memory(problem: Exception) -> bool:
    """Whether Python, NumPy, PyAV, HDF5 or torch (whose errors are recognised without importing it) got no memory."""
    named = type(problem).__name__ == "OutOfMemoryError"
    return isinstance(problem, MemoryError) or named or any(text in str(problem) for text in _NO_MEMORY)


def raise_if_unreadable(problem: Exception, path: Path) -> None:
    """Tell a file that could not be read from a damaged one. Call it where anything that reading raises is caught.

    Raises:
        Unreadable: there is no memory, file handle or permission, or the disk fails.
    """
    if isinstance(problem, Unreadable):
        raise problem
    if is_out_of_memory(problem):
        raise Unreadable(f"{path}: cannot be read: out of memory ({one_line(problem) or 'nothing is left'})") from None
    if isinstance(problem, OSError) and problem.errno in {*OF_MACHINE, errno.EACCES, errno.EPERM}:
        raise Unreadable(f"{path}: cannot be read: {(problem.strerror or '').lower()}") from None
