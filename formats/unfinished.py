"""Arrays of ids that are encoded one at a time, kept in a folder `<file>.part` until all are there.

A job that was killed resumes from the folder if it was begun for the same identity; otherwise the folder is discarded.
Each file is an .npz archive, followed by its CRC-32.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.outputs import PART, naming

_log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[np.generic]]
_CRC_BYTES = 4


class Unfinished:
    """The finished ids of an unfinished file."""

    def __init__(self, path: Path, identity: str, names: Sequence[str]) -> None:
        """Continue the folder of `path`, or begin it anew if it was begun for another identity."""
        self._folder = path.with_name(path.name + PART)
        self._files = {name: self._folder / f"{index:06d}.npz" for index, name in enumerate(names)}
        marker = self._folder / "identity.json"
        if not (marker.exists() and marker.read_bytes() == identity.encode()):
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            _write(marker, identity.encode())

    def holds(self, name: str) -> bool:
        """Whether the arrays of an id are there and whole; damaged ones are named in the log."""
        if not self._files[name].exists():
            return False
        try:
            self.load(name)
        except UserError as problem:
            _log.warning("%s: made again", problem)
            return False
        return True

    def load(self, name: str) -> Arrays:
        """Read the arrays of an id.

        Raises:
            UserError: the file is damaged.
        """
        file = self._files[name]
        with naming(file):
            content = file.read_bytes()
        archive, checksum = content[:-_CRC_BYTES], content[-_CRC_BYTES:]
        if checksum != _checksum(archive):  # those inside the archive do not cover its list of members
            raise UserError(f"{file}: damaged")
        with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}

    def save(self, name: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Write the arrays of an id: whole and on the disk before they have their final name."""
        file = self._files[name]
        part = file.with_suffix(".tmp.npz")
        archive = io.BytesIO()
        np.savez(archive, **arrays)  # type: ignore[arg-type]
        with naming(file):
            _write(part, archive.getvalue() + _checksum(archive.getvalue()))
            part.replace(file)

    def remove(self) -> None:
        """Remove the folder, once the file is whole."""
        shutil.rmtree(self._folder)


def _checksum(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(_CRC_BYTES, "little")


def _write(path: Path, content: bytes) -> None:
    """Write a file that is on the disk when this returns."""
    with naming(path), path.open("wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
