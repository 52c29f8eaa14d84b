"""Read what `torch.save` wrote, without torch and without running anything in the file.

A checkpoint is a zip archive: a pickle of the objects, and one entry of raw bytes per tensor. The pickle is read with
stand-ins for every class and function that it names, so that it can only make dictionaries, lists and plain values:
options saved as argparse.Namespace or EasyDict become dictionaries, tensors become descriptions (`StoredTensor`).
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable
from formats.checksums import is_archive

LARGEST_PICKLE = 1 << 28
"""Bytes. The pickle holds names, shapes and options, so a larger one is not a checkpoint of any network here."""
FOREIGN = "input_vid_proj."
"""Prefix of parameters that QD-DETR and its variants have, and networks of this project do not."""
WRAPPED = "module."
"""Prefix that torch's data-parallel wrappers add to each name."""


@dataclass(frozen=True)
class StoredTensor:
    """Where the numbers of a tensor lie in its archive.

    Attributes:
        kind: torch's name of the storage, such as FloatStorage.
        key: the entry `data/{key}`.
        offset: index of the first number in the entry; strides and shape are in numbers too.
    """

    kind: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Inert(dict[Any, Any]):
    """Placeholder for any class or function in a pickle: accepts anything, holds items and attributes, does nothing."""

    def __init__(self, *arguments: Any, **keys: Any) -> None:
        del arguments, keys
        super().__init__()

    # By identity, so that an object may be the key of a dictionary.
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__

    def __setstate__(self, state: Any) -> None:
        # With slots the state is a pair of dictionaries.
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, dict):
                self.update(part)

    def __call__(self, *arguments: Any, **keys: Any) -> Inert:
        """Stand in for the result of any call."""
        return Inert()

    def append(self, item: Any) -> None:
        """Ignore an item of a list or set that has a class of its own."""

    def extend(self, items: Iterable[Any]) -> None:
        """Ignore items likewise."""

    add = append


class _Ordered(Inert):
    """An ordered dictionary: its items count, its attributes (torch's `_metadata`) do not."""

    def __setstate__(self, state: Any) -> None:
        del state


@dataclass(frozen=True)
class _Storage:
    kind: str
    key: str


class _Rebuild:
    """Stands in for torch's function that makes a tensor from a storage."""

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> StoredTensor:
        del rest
        if not isinstance(storage, _Storage) or not _are_counts((offset, *shape, *strides)):
            raise pickle.UnpicklingError("a malformed tensor")
        return StoredTensor(storage.kind, storage.key, offset, tuple(shape), tuple(strides))


class _Parameter:
    """Stands in for torch's function that makes a parameter from a tensor."""

    def __call__(self, tensor: Any, *rest: Any) -> Any:
        del rest
        return tensor


# What would use the table of registered extensions of this process, or allocate memory before reading a byte.
_REFUSED = (pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER)


# The unpickler in Python, because that in C takes memory in proportion to any number that a file names.
class _Reader(pickle._Unpickler):
    dispatch = {  # noqa: RUF012 (as in the base class)
        code: read for code, read in pickle._Unpickler.dispatch.items() if code not in {op[0] for op in _REFUSED}
    }

    def find_class(self, module: str, name: str, /) -> Any:
        """A stand-in for any name: nothing of the file's choice is imported."""
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _Rebuild()
        if module == "torch._utils" and name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
            return _Parameter()
        if (module, name) == ("collections", "OrderedDict"):
            return type("OrderedDict", (_Ordered,), {})
        return type(name, (Inert,), {})

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage of a tensor, as torch names it: ("storage", class, key, device, count)."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage" or not isinstance(pid[2], str):
            raise pickle.UnpicklingError("a malformed tensor")
        return _Storage(getattr(pid[1], "__name__", "no storage"), pid[2])


class Archive:
    """A checkpoint file, opened for reading.

    Attributes:
        path: the file.
        content: what was saved, with stand-ins for all objects.
    """

    def __init__(self, path: Path) -> None:
        """Read the pickle.

        Raises:
            UserError: the file is missing, damaged or no archive of torch.
        """
        self.path = path
        if not path.is_file():
            raise UserError(f"{path}: no such checkpoint")
        if not is_archive(path):
            raise UserError(
                f"{path}: not a checkpoint of torch 1.6 or newer: if it is older, load and save it with a newer torch"
            )
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name == "data.pkl" or name.endswith("/data.pkl")]
            if len(names) != 1:
                raise UserError(f"{path}: not a checkpoint: it has no data.pkl")
            self._folder = names[0].removesuffix("data.pkl")
            self.content: Any = _Reader(io.BytesIO(self.read("data.pkl", LARGEST_PICKLE)), encoding="utf-8").load()
        except UserError:
            raise
        except Exception as problem:  # a damaged file can raise almost any exception
            raise_if_unreadable(problem, path)
            raise UserError(f"{path}: not a checkpoint that can be read safely: {one_line(problem)}") from None

    def read(self, name: str, most: int | None = None) -> bytes:
        """The bytes of an entry, at most `most`; their checksum is compared.

        Raises:
            UserError: the entry is missing, damaged, compressed (torch never does) or too large.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                entry = archive.getinfo(self._folder + name)
                if entry.compress_type != zipfile.ZIP_STORED or (most is not None and entry.file_size > most):
                    raise UserError(f"{self.path}: not a checkpoint that torch wrote: {name}")
                return archive.read(entry)
        except KeyError:
            raise UserError(f"{self.path}: damaged: it has no {name}") from None
        except zipfile.BadZipFile:
            raise UserError(f"{self.path}: damaged: the checksum of {name} is wrong") from None

    def entries(self, key: str) -> Mapping[Any, Any]:
        """The dictionary under a key; empty if there is none."""
        found = self.content.get(key) if isinstance(self.content, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def is_reference(self) -> bool:
        """Whether it holds a network of QD-DETR or of a variant, by the names of its weights."""
        names = (name.removeprefix(WRAPPED) for name in self.entries("model") if isinstance(name, str))
        return any(name.startswith(FOREIGN) for name in names)


def _are_counts(values: Iterable[Any]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)
