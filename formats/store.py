"""The HDF5 store of one stream and shard, written atomically and resumably, read without torch.

Layout: the rows of all ids, one id after the other.

- clips: `features` (rows, dim) float32 or float16 and `times` (rows, 2) float64 seconds [start, end). A clip that the
  stream does not have (no sound there, a broken tail) has no row; `Store.on_grid` puts rows at their clips and returns
  the mask. Audio streams also have `level_db` (rows,) float32, the level of each clip in dBFS.
- queries: `tokens` (rows, dim) float32 and `pooled` (ids, dim).
- `ids` (n,), `offsets` (n + 1,), and columns of one value per id under `columns/`; `problem` says what was wrong with a
  video, and is empty for most.

Root attributes: schema version, stream, dim, clip seconds, extractor, weights_sha256, the canonical configuration, the
versions of the libraries, the device, and details of the weights or the import. Nothing is compressed, because such
features do not shrink (benchmarks/store.py), and nothing holds a time stamp: the same input gives the same bytes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from cli import UserError, canonical_json, track
from cli.outputs import remove_leftovers, replacing

SCHEMA_VERSION = 1
Arrays = dict[str, NDArray[np.generic]]


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
    """
    names = [name for group in groups for name in group]
    if not names:
        raise UserError(f"{path}: nothing to store: the shard is empty")
    part = path.with_name(path.name + ".part")
    sources = {key: values.tolist() for key, values in columns.items()}
    _begin(part, canonical_json({"provenance": asdict(provenance), "ids": names, "columns": sources}))
    files = {name: part / f"{index:06d}.npz" for index, name in enumerate(names)}
    pending = [list(group) for group in groups if not all(files[name].exists() for name in group)]
    count = sum(map(len, pending))
    for name, arrays in track(produce(pending), f"{provenance.stream} {path.stem}", total=count):
        unfinished = files[name].with_suffix(".tmp.npz")
        np.savez(unfinished, **arrays)  # type: ignore[arg-type]
        unfinished.replace(files[name])
    _assemble(path, provenance, names, list(files.values()), columns)
    shutil.rmtree(part)


def _begin(part: Path, identity: str) -> None:
    marker = part / "identity.json"
    if marker.exists() and marker.read_text(encoding="utf-8") == identity:
        return
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    marker.write_text(identity, encoding="utf-8")


def _assemble(
    path: Path,
    provenance: Provenance,
    names: list[str],
    files: list[Path],
    columns: Mapping[str, NDArray[np.generic]],
) -> None:
    main = ""
    shapes: dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]] = {}
    lengths, problems = [], []
    for file in files:
        with np.load(file, allow_pickle=False) as arrays:
            main = "tokens" if "tokens" in arrays.files else "features"
            lengths.append(len(arrays[main]))
            problems.append(str(arrays["problem"][0]) if "problem" in arrays.files else None)
            for key in arrays.files:
                if key != "problem":
                    values = arrays[key]
                    rows = shapes[key][0][0] if key in shapes else 0
                    shapes[key] = (rows + len(values), *values.shape[1:]), values.dtype
    if not any(problem is None for problem in problems):
        columns = {**columns, "problem": np.array(problems)}
    remove_leftovers(path)
    with replacing(path) as unfinished:
        with h5py.File(unfinished, "w") as store:
            for key, (shape, dtype) in shapes.items():
                store.create_dataset(key, shape=shape, dtype=dtype)
            at = dict.fromkeys(shapes, 0)
            for file in files:  # one at a time: a shard may be larger than memory
                with np.load(file, allow_pickle=False) as arrays:
                    for key in shapes:
                        values = arrays[key]
                        store[key][at[key] : at[key] + len(values)] = values
                        at[key] += len(values)
            store.create_dataset("ids", data=np.array(names, dtype=h5py.string_dtype()))
            store.create_dataset("offsets", data=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
            for key, column in columns.items():
                text = column.dtype.kind == "U"
                data = column.astype(h5py.string_dtype()) if text else column
                store.create_dataset(f"columns/{key}", data=data)
            store.attrs["schema_version"] = SCHEMA_VERSION
            store.attrs["dim"] = shapes[main][0][1]
            for key, value in asdict(provenance).items():
                store.attrs[key] = value
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())


@contextmanager
def _reading(path: Path) -> Iterator[h5py.File]:
    """Open the file. Anything that is missing or malformed becomes a one-line error."""
    try:
        with h5py.File(path, "r", locking=False) as store:
            yield store
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, KeyError, TypeError, ValueError) as problem:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a feature store") from None
        raise UserError(f"{path}: not a readable feature store: {problem}") from None


def read_problems(path: Path) -> tuple[str, dict[str, str]]:
    """Read the stream of a store, and what was wrong with each id that had a problem."""
    with _reading(path) as store:
        stream = str(store.attrs["stream"])
        if "columns/problem" not in store:
            return stream, {}
        causes = store["columns/problem"].asstr()[:]
        found = dict(zip(store["ids"].asstr()[:].tolist(), causes.tolist(), strict=True))
    return stream, {name: cause for name, cause in found.items() if cause}


def read_columns(path: Path) -> dict[str, list[object]]:
    """Read the columns of a store: one value per id, in the order of its ids."""
    with _reading(path) as store:
        return {
            key: (values.asstr() if h5py.check_string_dtype(values.dtype) else values)[:].tolist()
            for key, values in store.get("columns", {}).items()
        }


def read_pooled(path: Path) -> NDArray[np.float64]:
    """Read the pooled embeddings of a text store, (ids, dim); dim is 0 if it has none.

    Raises:
        UserError: not readable, or values that are not finite.
    """
    with _reading(path) as store:
        if "pooled" not in store:
            return np.zeros((len(store["ids"]), 0))
        pooled: NDArray[np.float64] = store["pooled"][:].astype(np.float64)
    if not np.isfinite(pooled).all():
        raise UserError(f"{path}: holds features that are not finite numbers")
    return pooled


class Store:
    """A store read into memory.

    Attributes:
        ids: the ids, in order.
        dim: width of a row.
        attributes: the root attributes.
    """

    def __init__(self, path: Path) -> None:
        """Read and check a store.

        Raises:
            UserError: not a store of this schema, parts that do not fit together, or features that are not finite.
        """
        with _reading(path) as store:
            self.attributes = dict(store.attrs)
            if self.attributes.get("schema_version") != SCHEMA_VERSION:
                raise UserError(f"{path}: not a feature store of schema {SCHEMA_VERSION}")
            missing = [key for key in ("extractor", "weights_sha256", "config") if key not in self.attributes]
            if missing:
                raise UserError(f"{path}: not a readable feature store: no attribute {missing[0]}")
            self.text = "tokens" in store
            self._rows: NDArray[np.float32] = store["tokens" if self.text else "features"][:].astype(
                np.float32, copy=False
            )
            self._times: NDArray[np.float64] | None = None if self.text else store["times"][:]
            self._levels: NDArray[np.float32] | None = store["level_db"][:] if "level_db" in store else None
            self._offsets: NDArray[np.int64] = store["offsets"][:]
            self.ids: list[str] = store["ids"].asstr()[:].tolist()
            self._n_clips: NDArray[np.int64] | None = None if self.text else store["columns/n_clips"][:]
            self.stream = str(self.attributes["stream"])
            self.clip_seconds = float(self.attributes["clip_seconds"])
        self.path = path
        self._index = {name: index for index, name in enumerate(self.ids)}
        wrong = next(self._find_misfits(), None)
        if wrong:
            raise UserError(f"{path}: not a readable feature store: {wrong}")
        if not np.isfinite(self._rows).all():
            raise UserError(f"{path}: holds features that are not finite numbers")
        self.dim = int(self._rows.shape[1])

    def _find_misfits(self) -> Iterator[str]:
        """Describe the parts that do not fit together."""
        rows, ids = len(self._rows), len(self.ids)
        if self._rows.ndim != 2:
            yield f"its rows are of shape {self._rows.shape}, not (rows, dim)"
        if len(self._index) < ids:
            yield "an id occurs twice"
        offsets = self._offsets
        if offsets.shape != (ids + 1,) or offsets[0] != 0 or (np.diff(offsets) < 0).any() or offsets[-1] != rows:
            yield "its offsets do not fit its rows"
        if self._levels is not None and self._levels.shape != (rows,):
            yield "its levels do not fit its rows"
        if self._n_clips is not None and (self._n_clips.shape != (ids,) or (self._n_clips < 0).any()):
            yield "its numbers of clips do not fit its ids"
        if self._times is not None:
            if not 0 < self.clip_seconds < np.inf:
                yield f"clips of {self.clip_seconds:g} s"
            if self._times.shape != (rows, 2) or not np.isfinite(self._times).all() or (self._times < 0).any():
                yield "its times do not fit its rows"

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def rows(self, name: str) -> NDArray[np.float32]:
        """The rows of one id, (rows, dim)."""
        return self._rows[self._span(name)]

    def n_clips(self, name: str) -> int:
        """Number of clips on a video's grid, as `manifest` decided it."""
        if self._n_clips is None:
            raise UserError(f"{self.path}: a text store has no clip grid")
        return int(self._n_clips[self._index[name]])

    def on_grid(self, name: str, n_clips: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Put the rows of one video at their clips: (n_clips, dim), zeros where the mask (n_clips,) is False."""
        clips, kept = self._places(name, n_clips)
        span = self._span(name)
        features = np.zeros((n_clips, self.dim), np.float32)
        mask = np.zeros(n_clips, np.bool_)
        features[clips[kept]] = self._rows[span][kept]
        mask[clips[kept]] = True
        return features, mask

    def level_db(self, name: str, n_clips: int) -> NDArray[np.float32]:
        """Sound level of one video's clips in dB of full scale, (n_clips,); NaN where unknown."""
        levels = np.full(n_clips, np.nan, np.float32)
        if self._levels is None:
            return levels
        clips, kept = self._places(name, n_clips)
        levels[clips[kept]] = self._levels[self._span(name)][kept]
        return levels

    def _places(self, name: str, n_clips: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The clip of each row of a video, and whether it lies on a grid of `n_clips`."""
        if self._times is None:
            raise UserError(f"{self.path}: a text store has no clip grid")
        clips = np.rint(self._times[self._span(name), 0] / self.clip_seconds).astype(np.int64)
        return clips, clips < n_clips

    def _span(self, name: str) -> slice:
        index = self._index[name]
        return slice(int(self._offsets[index]), int(self._offsets[index + 1]))
