"""The HDF5 store of one stream and shard, written atomically and resumably, read without torch.

Layout: rows of all ids packed one after the other.

- clips: `features` (rows, dim) float32 and `times` (rows, 2) float64 seconds [start, end). A clip that the stream does
  not have (no sound there) has no row; `Store.on_grid` puts rows at their clips and gives the mask.
- queries: `tokens` (rows, dim) float32 and `pooled` (ids, dim).
- `ids` (n,), `offsets` (n + 1,), and columns of one value an id under `columns/`.

Root attributes: schema version, stream, dim, clip seconds, extractor, weights_sha256, the canonical configuration and
details.
Nothing is compressed (measured: no gain on such features) and there are no time stamps: same input, same bytes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from cli import UserError, canonical_json, track

SCHEMA_VERSION = 1
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Provenance:
    """Where the rows of a store come from."""

    stream: str
    extractor: str
    weights_sha256: str
    config: str
    """Canonical JSON of the settings that made it."""
    clip_seconds: float
    """Length of a clip in seconds; 0 for text."""
    details: str = ""
    """Canonical JSON of what was found out: the activation and colour statistics of weights, the parts of an import."""


def write_store(
    path: Path,
    provenance: Provenance,
    ids: Iterable[str],
    encode: Callable[[str], Arrays],
    columns: Mapping[str, NDArray[np.generic]],
) -> None:
    """Encode every id and write the store.

    Each id's arrays go to a folder `<path>.part` first. A killed job finds them there and goes on with the next id,
    if the folder was begun with the same provenance, ids and columns (which tell the source); otherwise it is thrown
    away.

    Args:
        encode: gives the arrays of one id: `features` and `times`, or `tokens` and `pooled` (1, dim).
        columns: one value an id, in the order of `ids`.
    """
    names = list(ids)
    if not names:
        raise UserError(f"{path}: nothing to store: the shard is empty")
    part = path.with_name(path.name + ".part")
    sources = {key: values.tolist() for key, values in columns.items()}
    _begin(part, canonical_json({"provenance": asdict(provenance), "ids": names, "columns": sources}))
    files = []
    for index, name in enumerate(track(names, f"{provenance.stream} {path.stem}")):
        file = part / f"{index:06d}.npz"
        if not file.exists():
            arrays = encode(name)
            unfinished = file.with_suffix(".tmp.npz")
            np.savez(unfinished, **arrays)  # type: ignore[arg-type]
            unfinished.replace(file)
        files.append(file)
    _assemble(path, provenance, names, files, columns)
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
    per_id: list[Arrays] = []
    for file in files:
        with np.load(file, allow_pickle=False) as arrays:
            per_id.append({key: arrays[key] for key in arrays.files})
    main = "tokens" if "tokens" in per_id[0] else "features"
    lengths = [len(arrays[main]) for arrays in per_id]
    unfinished = path.with_name(path.name + ".tmp")
    with h5py.File(unfinished, "w") as store:
        for key in per_id[0]:
            store.create_dataset(key, data=np.concatenate([arrays[key] for arrays in per_id]))
        store.create_dataset("ids", data=np.array(names, dtype=h5py.string_dtype()))
        store.create_dataset("offsets", data=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
        for key, values in columns.items():
            text = values.dtype.kind == "U"
            data = values.astype(h5py.string_dtype()) if text else values
            store.create_dataset(f"columns/{key}", data=data)
        store.attrs["schema_version"] = SCHEMA_VERSION
        store.attrs["dim"] = per_id[0][main].shape[1]
        for key, value in asdict(provenance).items():
            store.attrs[key] = value
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(path)


class Store:
    """A store read into memory.

    Attributes:
        ids: the ids, in order.
        dim: width of a row.
        attributes: the root attributes.
    """

    def __init__(self, path: Path) -> None:
        try:
            with h5py.File(path, "r", locking=False) as store:
                self.attributes = dict(store.attrs)
                if self.attributes.get("schema_version") != SCHEMA_VERSION:
                    raise UserError(f"{path}: not a feature store of schema {SCHEMA_VERSION}")
                self.text = "tokens" in store
                self._rows: NDArray[np.float32] = store["tokens" if self.text else "features"][:]
                self._times: NDArray[np.float64] | None = None if self.text else store["times"][:]
                self._offsets: NDArray[np.int64] = store["offsets"][:]
                self.ids = [name.decode() for name in store["ids"][:]]
                self._n_clips: NDArray[np.int64] | None = None if self.text else store["columns/n_clips"][:]
            self.stream = str(self.attributes["stream"])
            self.clip_seconds = float(self.attributes["clip_seconds"])
        except (OSError, KeyError) as problem:
            raise UserError(f"{path}: not a readable feature store: {problem}") from None
        lengths = np.diff(self._offsets, prepend=0)
        if len(lengths) != len(self.ids) + 1 or (lengths < 0).any() or lengths.sum() != len(self._rows):
            raise UserError(f"{path}: not a readable feature store: its offsets do not fit its rows")
        if not np.isfinite(self._rows).all():
            raise UserError(f"{path}: holds features that are not finite numbers")
        self.path = path
        self.dim = int(self._rows.shape[1])
        self._index = {name: index for index, name in enumerate(self.ids)}

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def rows(self, name: str) -> NDArray[np.float32]:
        """The rows of one id, (rows, dim)."""
        return self._rows[self._span(name)]

    def n_clips(self, name: str) -> int:
        """Clips of a video's grid, as its manifest decided."""
        if self._n_clips is None:
            raise UserError(f"{self.path}: a text store has no clip grid")
        return int(self._n_clips[self._index[name]])

    def on_grid(self, name: str, n_clips: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The rows of one video at their clips: (n_clips, dim), zeros where the mask (n_clips,) is False."""
        if self._times is None:
            raise UserError(f"{self.path}: a text store has no clip grid")
        span = self._span(name)
        clips = np.rint(self._times[span, 0] / self.clip_seconds).astype(np.int64)
        kept = clips < n_clips
        features = np.zeros((n_clips, self.dim), np.float32)
        mask = np.zeros(n_clips, np.bool_)
        features[clips[kept]] = self._rows[span][kept]
        mask[clips[kept]] = True
        return features, mask

    def _span(self, name: str) -> slice:
        index = self._index[name]
        return slice(int(self._offsets[index]), int(self._offsets[index + 1]))
