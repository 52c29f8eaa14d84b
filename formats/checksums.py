"""What shows that a file is damaged: the checksums of stores, and those in the archives of `torch.save`.

A store has a CRC-32 of each id's rows, and one digest of all other bytes. The digest is in the first 512 bytes of the
file, HDF5's user block, which HDF5 itself skips. It is compared before HDF5 opens the file, because a single wrong bit
in the structure of a file can make the library run for ever or crash. It costs little: it covers everything but the
rows, which are nearly all of a store. Each id's rows are compared when they are read, with the fastest of the checksums
at hand (CRC-32: 2.0 GB/s, SHA-256: 1.1, BLAKE2b: 0.95, as benchmarks/robustness/damaged_stores.py measured), so a store
is read once.

Each entry of a torch archive has a CRC-32, which torch itself does not compare: without the comparison a wrong bit in a
weight gives a wrong network and no message. Comparing takes about as long as reading the file.

All this guards against accidents, not against forgery.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable

BLOCK = 512
"""Bytes of the user block: the least that HDF5 allows."""
_MAGIC = b"av-highlights feature store\n"
_PIECE = 1 << 20


class Damaged(ValueError):
    """The bytes of a file are not those that were written."""


def row_checksum(rows: NDArray[np.generic]) -> int:
    """CRC-32 of the bytes of some rows, as stored."""
    return zlib.crc32(np.ascontiguousarray(rows).data if rows.size else b"")


def seal(file: BinaryIO, start: int, length: int) -> None:
    """Write the digest of a file into its user block.

    Args:
        file: open to read and write, otherwise complete.
        start, length: the bytes of the rows, which have checksums of their own.
    """
    block = _render(file, start, length)
    file.seek(0)
    file.write(block)
    file.flush()


def check_seal(path: Path) -> bool:
    """Whether a file has a digest.

    Raises:
        Damaged: the file is not the one that the digest was made of.
    """
    with path.open("rb") as file:
        block = file.read(BLOCK)
        if not block.startswith(_MAGIC):
            return False
        try:
            start, length = json.loads(block[len(_MAGIC) :].split(b"\n")[0])["rows"]
            intact = block == _render(file, start, length)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            intact = False
    if not intact:
        raise Damaged("it was damaged or changed since it was written: its digest does not fit")
    return True


def _render(file: BinaryIO, start: int, length: int) -> bytes:
    """The user block of a file whose rows are the `length` bytes from `start`."""
    size = file.seek(0, os.SEEK_END)
    if not BLOCK <= start <= start + length <= size:
        raise ValueError("rows outside the file")
    digest = hashlib.sha256()
    for first, stop in ((BLOCK, start), (start + length, size)):
        file.seek(first)
        while first < stop:
            piece = file.read(min(_PIECE, stop - first))
            if not piece:
                raise ValueError("the file ends early")
            digest.update(piece)
            first += len(piece)
    about = {"rows": [start, length], "sha256": digest.hexdigest(), "size": size}
    return (_MAGIC + json.dumps(about, sort_keys=True).encode() + b"\n").ljust(BLOCK, b"\0")


def check_archive(path: Path) -> None:
    """Compare the checksum of every entry. A file in another format has none, and passes.

    Raises:
        UserError: an entry is damaged, or the list of entries is.
    """
    if not is_archive(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.compress_type == zipfile.ZIP_STORED and entry.compress_size != entry.file_size:
                    raise zipfile.BadZipFile(f"two sizes of {entry.filename}")
                with archive.open(entry) as content:
                    while content.read(_PIECE):
                        pass
    except Exception as problem:  # a damaged list of entries can raise almost anything, also a failed seek
        raise_if_unreadable(problem, path)
        raise UserError(f"{path}: damaged since it was written: {one_line(problem)}") from None


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, perhaps a damaged one, which `zipfile.is_zipfile` may raise an error about."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True
