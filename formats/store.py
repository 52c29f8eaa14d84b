"""The HDF5 store of one stream and shard, written atomically and resumably, read without torch.

Layout: the rows of all ids, one id after the other.

- clips: `features` (rows, dim) float32 or float16 and `times` (rows, 2) float64 seconds [start, end). A clip that the
  stream does not have (no sound there, a broken tail) has no row; `Store.on_grid` puts rows at their clips and returns
  the mask. Audio streams also have `level_db` (rows,) float32, the level of each clip in dBFS.
- queries: `tokens` (rows, dim) float32 and `pooled` (ids, dim).
- `ids` (n,), `offsets` (n + 1,), and columns of one value per id under `columns/`; `problem` says what was wrong with a
  video, and is empty for most.
- `checksums` (n,) uint32: CRC-32 of the bytes of each id's rows. All other bytes have one digest, in the file's user
  block (`checksums.py`). A store of schema 1 has neither, is read without these checks, and is equal otherwise.

Root attributes: schema version, stream, dim, clip seconds, extractor, weights_sha256, the canonical configuration, the
versions of the libraries, the device, and details of the weights or the import. Nothing is compressed, because such
features do not shrink (benchmarks/features/store.py), and nothing holds a time stamp: the same input gives the same
bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cli import UserError, canonical_json, track
from cli.outputs import remove_leftovers, replacing
from cli.ownership import owning
from formats.checksums import BLOCK, check_seal, row_checksum, seal
from formats.hdf5 import (
    LazyRows,
    Mapper,
    Skeleton,
    dataset,
    member,
    naming_faults,
    open_file,
    read_numbers,
    read_texts,
    reserve,
)
from formats.layout import check_length, check_offsets, check_rows, place_rows
from formats.unfinished import Arrays as Arrays
from formats.unfinished import Unfinished

SCHEMA_VERSION = 2
_UNSEALED = 1
"""The schema without checksums, as earlier versions wrote it."""
_KIND = "feature store"


@dataclass(frozen=True)
class Provenance:
    """Where the rows of a store come from."""

    stream: str
    extractor: str
    weights_sha256: str
    config: str
    """Canonical JSON of the settings that made the store."""
    clip_seconds: float
    """Length of a clip in seconds; 0 for text."""
    libraries: str = "{}"
    """Canonical JSON: versions of the libraries on which the rows depend."""
    device: str = "cpu"
    """The device that computed the rows."""
    details: str = ""
    """Canonical JSON of further facts: the activation and colour statistics of weights, or the parts of an import."""


def write_store(
    path: Path,
    provenance: Provenance,
    ids: Iterable[str],
    encode: Callable[[str], Arrays],
    columns: Mapping[str, NDArray[np.generic]],
) -> None:
    """Write a store whose ids are encoded one at a time, by `encode`."""

    def produce(pending: list[list[str]]) -> Iterator[tuple[str, Arrays]]:
        for group in pending:
            for name in group:
                yield name, encode(name)

    write_groups(path, provenance, [[name] for name in ids], produce, columns)


def write_groups(
    path: Path,
    provenance: Provenance,
    groups: Sequence[Sequence[str]],
    produce: Callable[[list[list[str]]], Iterator[tuple[str, Arrays]]],
    columns: Mapping[str, NDArray[np.generic]],
) -> None:
    """Encode every id and write the store.

    Each id's arrays first go to a folder `<path>.part`. A job that was killed resumes from there with the next group if
    the folder was begun with the same provenance, ids and columns (which identify the source); otherwise the folder is
    discarded.

    Args:
        groups: the ids, in groups that are encoded together. All ids of an incomplete group are encoded again.
        produce: yields each id of the given groups with its arrays: `features` and `times` (and `level_db`), or
            `tokens` and `pooled` (1, dim); also `problem` (1,) if something was wrong with it.
        columns: one value per id, in the order of the groups.

    Raises:
        UserError: there are no ids, another process is making the store, or it cannot be written.
    """
    names = [name for group in groups for name in group]
    if not names:
        raise UserError(f"{path}: nothing to store: the shard is empty")
    begun = {"schema_version": SCHEMA_VERSION, "provenance": asdict(provenance), "ids": names}
    identity = canonical_json({**begun, "columns": {key: values.tolist() for key, values in columns.items()}})
    with owning(path) as claim:
        unfinished = Unfinished(path, identity, names)
        pending = [list(group) for group in groups if not all(map(unfinished.holds, group))]
        label, count = f"{provenance.stream} {path.stem}", sum(map(len, pending))
        for name, arrays in track(produce(pending), label, total=count):
            claim.check()
            unfinished.save(name, arrays)
        _assemble(path, provenance, names, unfinished, columns)
        unfinished.remove()


def _assemble(
    path: Path,
    provenance: Provenance,
    names: list[str],
    finished: Unfinished,
    columns: Mapping[str, NDArray[np.generic]],
) -> None:
    main = ""
    small: dict[str, list[NDArray[np.generic]]] = {}
    lengths, problems, dim = [], [], 0
    dtype: np.dtype[np.generic] = np.dtype(np.float32)
    for name in names:  # one at a time: a shard may be larger than memory
        arrays = finished.load(name)
        main = "tokens" if "tokens" in arrays else "features"
        rows = arrays.pop(main)
        lengths.append(len(rows))
        dim, dtype = rows.shape[1], rows.dtype
        problems.append(str(arrays.pop("problem")[0]) if "problem" in arrays else None)
        for key, values in arrays.items():
            small.setdefault(key, []).append(values)
    if not any(problem is None for problem in problems):
        columns = {**columns, "problem": np.array(problems)}
    checksums, size = [], sum(lengths) * dim * dtype.itemsize
    remove_leftovers(path)
    with replacing(path) as part, part.open("w+b") as file:
        skeleton = Skeleton()
        with h5py.File(skeleton, "w", userblock_size=BLOCK) as store:
            start = reserve(store, main, (sum(lengths), dim), dtype) or BLOCK
            file.seek(start)
            for name in names:
                rows = np.ascontiguousarray(finished.load(name)[main], dtype)
                checksums.append(row_checksum(rows))
                file.write(rows.data)
            for key, parts in small.items():
                store.create_dataset(key, data=np.concatenate(parts))
            store.create_dataset("ids", data=np.array(names, dtype=h5py.string_dtype()))
            store.create_dataset("offsets", data=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
            store.create_dataset("checksums", data=np.array(checksums, np.uint32))
            for key, column in columns.items():
                data = column.astype(h5py.string_dtype()) if column.dtype.kind == "U" else column
                store.create_dataset(f"columns/{key}", data=data)
            about = {"schema_version": SCHEMA_VERSION, "dim": dim, **asdict(provenance)}
            for key, value in about.items():
                store.attrs[key] = value
        skeleton.copy(file, start, start + size)
        seal(file, start, size)
        os.fsync(file.fileno())


def _open(path: Path) -> h5py.File:
    """Open a store whose digest fits, or that has none; call it within `naming_faults`."""
    sealed = check_seal(path)
    store = open_file(path)
    version = store.attrs.get("schema_version")
    if version not in (SCHEMA_VERSION, _UNSEALED):
        store.close()
        raise UserError(f"{path}: not a feature store of schema {_UNSEALED} or {SCHEMA_VERSION}")
    if version != _UNSEALED and not sealed:
        store.close()
        raise ValueError("its digest is missing: another tool copied it, or its beginning is damaged")
    return store


def read_problems(path: Path) -> tuple[str, dict[str, str]]:
    """Read the stream of a store, and what was wrong with each id that had a problem."""
    with naming_faults(path, _KIND), _open(path) as store:
        stream = str(store.attrs["stream"])
        if "columns/problem" not in store:
            return stream, {}
        causes = read_texts(dataset(member(store, "columns"), "problem"))
        found = dict(zip(read_texts(dataset(store, "ids")), causes, strict=True))
    return stream, {name: cause for name, cause in found.items() if cause}


def read_columns(path: Path) -> dict[str, list[object]]:
    """Read the columns of a store: one value per id, in the order of its ids."""
    with naming_faults(path, _KIND), _open(path) as store:
        columns = member(store, "columns") if "columns" in store else {}
        found: dict[str, list[object]] = {}
        for key in columns:
            values = dataset(columns, key)
            if values.shape != dataset(store, "ids").shape:
                raise ValueError(f"its column {key} does not fit its ids")
            text = h5py.check_string_dtype(values.dtype) is not None
            found[key] = [*read_texts(values)] if text else values[:].tolist()
        return found


def read_pooled(path: Path) -> NDArray[np.float64]:
    """Read the pooled embeddings of a text store, (ids, dim); dim is 0 if it has none.

    Raises:
        UserError: not readable, or values that are not finite.
    """
    with naming_faults(path, _KIND), _open(path) as store:
        ids = dataset(store, "ids")
        if "pooled" not in store:
            return np.zeros((len(ids), 0))
        pooled: NDArray[np.float64] = dataset(store, "pooled")[:].astype(np.float64)
        if pooled.ndim != 2 or len(pooled) != len(ids):
            raise ValueError("its pooled embeddings do not fit its ids")
    if not np.isfinite(pooled).all():
        raise UserError(f"{path}: holds features that are not finite numbers")
    return pooled


class Store:
    """A store to read from. Its rows stay in the file until they are asked for, and are checked then.

    Attributes:
        ids: the ids, in order.
        dim: width of a row.
        dtype: type of the rows, float16 or float32.
        attributes: the root attributes.
        checksums: (ids,) CRC-32 of each id's rows; None in a store of schema 1.
    """

    def __init__(self, path: Path, mapper: Mapper | None = None) -> None:
        """Open and check a store; all but its rows is read. With a `mapper`, rows are views of the mapped file.

        Raises:
            UserError: not a store of a known schema, damaged, or parts that do not fit together.
        """
        self.path = path
        with naming_faults(path, _KIND), _open(path) as file:
            self.attributes = dict(file.attrs)
            for key in ("extractor", "weights_sha256", "config"):
                if key not in self.attributes:
                    raise ValueError(f"no attribute {key}")
            self.stream = str(self.attributes["stream"])
            self.clip_seconds = float(self.attributes["clip_seconds"])
            self.text = "tokens" in file
            rows = dataset(file, "tokens" if self.text else "features")
            check_rows(rows.shape, rows.dtype, self.attributes.get("dim"))
            self.ids = read_texts(dataset(file, "ids"))
            self._offsets: NDArray[np.int64] = read_numbers(file, "offsets", "iu").astype(np.int64)
            check_offsets(self._offsets, self.ids, len(rows))
            unsealed = self.attributes["schema_version"] == _UNSEALED
            self.checksums = None if unsealed else read_numbers(file, "checksums", "u")
            check_length(self.checksums, len(self.ids), "its checksums do not fit its ids")
            self._levels = read_numbers(file, "level_db", "f") if "level_db" in file else None
            check_length(self._levels, len(rows), "its levels do not fit its rows")
            self._n_clips: NDArray[np.int64] | None = None
            self._clips: NDArray[np.int64] | None = None
            if not self.text:
                self._n_clips = read_numbers(member(file, "columns"), "n_clips", "iu").astype(np.int64)
                times = read_numbers(file, "times", "fiu")
                self._clips = place_rows(self.ids, self._offsets, times, self._n_clips, self.clip_seconds)
            self._rows = LazyRows(path, rows, mapper)
        self._index = {name: index for index, name in enumerate(self.ids)}
        self.dim = self._rows.shape[1]
        self.dtype = np.dtype(np.float16 if self._rows.dtype.itemsize == 2 else np.float32)

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def length(self, name: str) -> int:
        """Number of rows of one id."""
        span = self._span(name)
        return span.stop - span.start

    def rows(self, name: str) -> NDArray[np.floating[Any]]:
        """Read the rows of one id, (rows, dim) of `dtype`, which must not be changed.

        Raises:
            UserError: they were damaged since they were written, cannot be read, or are not finite numbers.
        """
        what, span = f"{self.path}: {'query' if self.text else 'video'} {name!r}", self._span(name)
        with naming_faults(self.path, _KIND):
            rows = self._rows.read(span.start, span.stop)
        if self.checksums is not None and row_checksum(rows) != self.checksums[self._index[name]]:
            raise UserError(f"{what}: its features were damaged since they were written: their checksum does not fit")
        with np.errstate(over="ignore"):  # float64 of other tools
            rows = rows.astype(self.dtype, copy=False)
        if not np.isfinite(rows).all():
            raise UserError(f"{what}: holds features that are not finite numbers")
        return rows

    def n_clips(self, name: str) -> int:
        """Number of clips on a video's grid, as `manifest` decided it."""
        if self._n_clips is None:
            raise UserError(f"{self.path}: a text store has no clip grid")
        return int(self._n_clips[self._index[name]])

    def clips(self, name: str) -> NDArray[np.int64]:
        """The clip of each row of a video, (rows,)."""
        if self._clips is None:
            raise UserError(f"{self.path}: a text store has no clip grid")
        return self._clips[self._span(name)]

    def on_grid(self, name: str, n_clips: int) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
        """Put the rows of one video at their clips: (n_clips, dim), zeros where the mask (n_clips,) is False.

        Raises:
            UserError: as `rows`.
        """
        clips = self.clips(name)
        if np.array_equal(clips, np.arange(n_clips)):
            return self.rows(name), np.ones(n_clips, np.bool_)
        kept = clips < n_clips
        features = np.zeros((n_clips, self.dim), self.dtype)
        mask = np.zeros(n_clips, np.bool_)
        features[clips[kept]] = self.rows(name)[kept]
        mask[clips[kept]] = True
        return features, mask

    def level_db(self, name: str, n_clips: int) -> NDArray[np.float32]:
        """Sound level of one video's clips in dB of full scale, (n_clips,); NaN where unknown."""
        levels = np.full(n_clips, np.nan, np.float32)
        if self._levels is None:
            return levels
        clips = self.clips(name)
        kept = clips < n_clips
        levels[clips[kept]] = self._levels[self._span(name)][kept]
        return levels

    def _span(self, name: str) -> slice:
        index = self._index[name]
        return slice(int(self._offsets[index]), int(self._offsets[index + 1]))
