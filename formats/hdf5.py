"""HDF5 files: read without locks, with one line for whatever is wrong, and written without HDF5 touching the disk.

Locks are not needed: a file has one writer, which writes under another name and renames it when it is whole. On disks
without locks HDF5 fails, and for an output only after everything is computed. If a disk is full, HDF5 can even crash
when it closes the file. So it makes its files in memory, without their rows, and Python writes them.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable

Mapper = Callable[[Path], "NDArray[np.uint8] | None"]
"""Maps a file into memory: its bytes as an array that reads them from the file; None if it cannot."""
_PAGE = 4096


@contextmanager
def naming_faults(path: Path, kind: str) -> Iterator[None]:
    """Name the file, on one line, in whatever HDF5 says of a missing, malformed or damaged file of this kind.

    Keep only reading in the block: damaged bytes can raise almost any exception there, so all are caught.
    """
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except Exception as problem:
        raise_if_unreadable(problem, path)
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a {kind}") from None
        system = problem.strerror.lower() if isinstance(problem, OSError) and problem.strerror else None
        raise UserError(f"{path}: not a readable {kind}: {system or one_line(problem)}") from None


def open_file(path: Path) -> h5py.File:
    """Open a file to read."""
    return h5py.File(path, "r", locking=False)


def member(parent: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """A member of a group that lies whole within the file.

    Raises:
        KeyError: there is none.
        ValueError: it is a link, its values are in other files, or some of its values are missing.
    """
    if not isinstance(parent.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link, and links are not followed")
    return check_inside(parent[name])


def dataset(parent: h5py.Group, name: str) -> h5py.Dataset:
    """A dataset of a group, checked as by `member`."""
    found = member(parent, name)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise ValueError(f"{name} is no dataset with values")
    return found


def read_texts(values: h5py.Dataset) -> list[str]:
    """Read a dataset of texts."""
    return [*map(str, values.asstr()[:])]


def read_numbers(group: h5py.Group, name: str, kinds: str) -> NDArray[Any]:
    """Read a dataset whose values are of one of the NumPy kinds."""
    values = dataset(group, name)
    if values.dtype.kind not in kinds:
        raise ValueError(f"{name} holds values of type {values.dtype}")
    return np.asarray(values[:])


def check_inside(found: h5py.Group | h5py.Dataset) -> h5py.Group | h5py.Dataset:
    """Check that all values of a dataset are in its file; returns it. A damaged shape could ask for all memory."""
    if not isinstance(found, h5py.Dataset):
        return found
    if found.is_virtual or found.external:
        raise ValueError(f"{found.name} has its values in other files, which are not followed")
    if found.shape is None:
        return found
    if found.chunks is None:
        there = found.id.get_storage_size() // found.id.get_type().get_size()
    else:
        there = found.id.get_num_chunks() * math.prod(found.chunks)
    if there < found.size:
        raise ValueError(f"{found.name} has fewer values than its shape says")
    return found


class Skeleton(io.RawIOBase):
    """A file in memory that takes space only for the pages written to it: an HDF5 file without its largest values.

    Give it to `h5py.File`, reserve those values by `reserve`, and copy the rest to the real file by `copy`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pages: dict[int, bytearray] = {}
        self._at = self.size = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        """The current byte."""
        return self._at

    def truncate(self, size: int | None = None) -> int:
        """Set the size."""
        self.size = self._at if size is None else size
        return self.size

    def write(self, content: Any) -> int:
        """Write at the current byte."""
        for page, first, piece in self._split(len(content)):
            self._pages.setdefault(page, bytearray(_PAGE))[first : first + len(piece)] = content[
                piece.start : piece.stop
            ]
        self.seek(len(content), os.SEEK_CUR)
        self.size = max(self.size, self._at)
        return len(content)

    def readinto(self, buffer: Any) -> int:
        """Read from the current byte; what was not written is zeros."""
        for page, first, piece in self._split(len(buffer)):
            found = self._pages.get(page, bytes(_PAGE))
            buffer[piece.start : piece.stop] = found[first : first + len(piece)]
        self.seek(len(buffer), os.SEEK_CUR)
        return len(buffer)

    def _split(self, length: int) -> Iterator[tuple[int, int, range]]:
        """The parts of `length` bytes from the current one: page, first byte in it, and which of the bytes."""
        done = 0
        while done < length:
            page, first = divmod(self._at + done, _PAGE)
            stop = min(length, done + _PAGE - first)
            yield page, first, range(done, stop)
            done = stop

    def copy(self, file: BinaryIO, start: int, stop: int) -> None:
        """Write all of it but the bytes from `start` to before `stop`, which someone else writes."""
        for page, content in sorted(self._pages.items()):
            at = page * _PAGE
            for first, last in ((at, min(at + _PAGE, start)), (max(at, stop), at + _PAGE)):
                if first < last:
                    file.seek(first)
                    file.write(content[first - at : last - at])
        file.truncate(self.size)


def reserve(parent: h5py.Group, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Create a dataset whose values someone else writes; returns their first byte, 0 if it has no values."""
    options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    options.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    options.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    start = parent.create_dataset(name, shape, dtype, dcpl=options).id.get_offset()
    return int(start) if math.prod(shape) else 0


class LazyRows:
    """The rows of a dataset, read slice by slice after its file is closed.

    They are read from their place in the file, without HDF5, so that no handle of HDF5 stays open: the library refuses
    to open a file twice with different locking. No other handle stays open either: a study may have thousands of
    stores, and a process often at most 1024 open files. Rows that are compressed, in chunks or in another format than
    NumPy's are read at once and kept.

    Attributes:
        shape, dtype: of the whole dataset.
    """

    def __init__(self, path: Path, values: h5py.Dataset, mapper: Mapper | None = None) -> None:
        """Note where the rows are; with a `mapper`, what `read` returns are views of the mapped file."""
        self.shape: tuple[int, ...] = values.shape
        self.dtype: np.dtype[Any] = values.dtype
        self._start = values.id.get_offset()  # None if the rows do not lie one after another
        plain = self._start is not None and values.id.get_type().equal(h5py.h5t.py_create(values.dtype))
        self._kept: NDArray[Any] | None = None if plain else values[:]
        self._path = path
        self._identity = _identity(path.stat())
        if mapper is not None and plain and math.prod(self.shape) and not self._start % self.dtype.itemsize:
            self._kept = self._view(mapper(path))

    def _view(self, content: NDArray[np.uint8] | None) -> NDArray[Any] | None:
        """The rows among the bytes of the mapped file; None if it was not mapped, or replaced before it was."""
        size = math.prod(self.shape) * self.dtype.itemsize
        if content is None or _identity(self._path.stat()) != self._identity or len(content) < self._start + size:
            return None
        rows: NDArray[Any] = content[self._start : self._start + size].view(self.dtype)
        return rows.reshape(self.shape)

    def read(self, first: int, stop: int) -> NDArray[Any]:
        """Read the rows from `first` to before `stop`, which must not be changed.

        Raises:
            ValueError: the file was replaced, or has become shorter.
            OSError: it cannot be read.
        """
        if self._kept is not None:
            return self._kept[first:stop]
        rows = np.empty((stop - first, *self.shape[1:]), self.dtype)
        left = rows.reshape(-1).view(np.uint8).data
        at = self._start + first * self.dtype.itemsize * math.prod(self.shape[1:])
        with self._path.open("rb", buffering=0) as file:
            if _identity(os.fstat(file.fileno())) != self._identity:
                raise ValueError("the file was replaced while it was read")
            file.seek(at)
            while left:
                count = file.readinto(left)
                if not count:
                    raise ValueError("the file ends early")
                left = left[count:]
        return rows


def _identity(found: os.stat_result) -> tuple[int, int]:
    """Tells a file from one that replaced it; what was written into it, checksums tell."""
    return found.st_dev, found.st_ino
