"""Import released feature files, in the layouts common in the field, into stores on this project's clip grid.

Row i of a released file describes clip i. Rows beyond the grid are left out; clips beyond the rows are masked, or
repeat the last row if so configured; ids without a file have no rows. The store's column `problem` records each case.
Torch-free.
"""

from __future__ import annotations

import hashlib
import logging
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import Field

from cli import Settings, UserError, canonical_json
from feature_extractors import CODE_VERSION
from formats.grid import ClipGrid
from formats.rows import Row
from formats.store import Arrays, Provenance, write_store
from formats.video_table import Video

_log = logging.getLogger(__name__)
ARCHIVE = (zipfile.BadZipFile, zlib.error)
"""Errors that a damaged .npz file raises."""


@dataclass(frozen=True)
class Layout:
    """How the released features of one id are stored.

    Attributes:
        names: files of an id in a folder; several files are joined along the feature axis, in this order.
        key: array of a .npz file; empty for .npy.
        text: whether the files hold token states of queries, not features of videos.
    """

    names: tuple[str, ...]
    key: str = ""
    text: bool = False


LAYOUTS = {
    "moment_detr": Layout(("{vid}.npz",), "features"),
    "umt": Layout(("{vid}.npy",)),
    "tvsum_i3d": Layout(("{vid}_rgb.npy", "{vid}_opt.npy")),
    "moment_detr_text": Layout(("qid{qid}.npz",), "last_hidden_state", text=True),
    "lighthouse_text": Layout(("{qid}.npz",), "last_hidden_state", text=True),
    "tvsum_text": Layout(("{vid}.npz",), "token", text=True),
}
"""Lighthouse's folders: clip, slowfast, resnet are moment_detr; pann, audio are umt; i3d is tvsum_i3d; clip_text is
moment_detr_text for QVHighlights, tvsum_text for TVSum (where a query has its video's id), else lighthouse_text."""


@dataclass(frozen=True, kw_only=True)
class ImportConfig(Settings):
    """One stream made from released files."""

    layout: Literal["moment_detr", "umt", "tvsum_i3d", "moment_detr_text", "lighthouse_text", "tvsum_text"]
    """How the files are named and what they hold. docs/guide/features.md describes each layout."""
    folders: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    """Folders of the files. Several are joined along the feature axis, in this order, each row first divided by its
    part's L2 norm."""
    hold_last: Annotated[int, Field(ge=0)] = 0
    """Fill up to this many missing rows at the end with the last row. If more are missing, their clips are masked."""

    def __post_init__(self) -> None:
        if LAYOUTS[self.layout].text and len(self.folders) > 1:
            raise UserError(f"imported: folders: {self.layout} takes one folder, because tokens cannot be joined")

    def files(self, vid: str, qid: str = "") -> list[list[Path]]:
        """The files of an id, by folder.

        Raises:
            UserError: an id that would point outside the folder.
        """
        if Path(vid).name != vid or Path(qid).name != qid:
            raise UserError(f"imported: {vid!r} ({qid or 'video'}) cannot be a file name")
        names = LAYOUTS[self.layout].names
        return [[Path(folder) / name.format(vid=vid, qid=qid) for name in names] for folder in self.folders]


@dataclass(frozen=True, kw_only=True)
class ImportStage(Settings):
    """The configuration sections that an import consumes."""

    clips: ClipGrid
    imported: ImportConfig
    version: int = CODE_VERSION["import"]


@dataclass(frozen=True)
class Found:
    """The released features found for one id.

    Attributes:
        files: by folder; empty if any is missing.
        rows: rows that all parts have.
        problem: what is wrong, or empty.
        held: clips at the end that repeat the last row.
    """

    files: list[list[Path]]
    rows: int
    problem: str
    held: int = 0


def import_videos(stage: ImportStage, stream: str, videos: list[Video], out: Path) -> None:
    """Import a stream of clip features for the videos of a table into the store `out`.

    Raises:
        UserError: a layout of queries, a file that cannot be read or holds numbers that are not finite, or no file.
    """
    if LAYOUTS[stage.imported.layout].text:
        raise UserError(f"imported.{stream}: layout {stage.imported.layout} is for queries, not for videos")
    table = {video.vid: video for video in sorted(videos, key=lambda video: video.vid)}
    dims = _dims(stage.imported, [stage.imported.files(vid) for vid in table])
    found = {vid: _look(stage.imported, stage.imported.files(vid), dims, video.n_clips) for vid, video in table.items()}

    def encode(vid: str) -> Arrays:
        rows = min(found[vid].rows, table[vid].n_clips)
        features = _joined(stage.imported, found[vid].files, sum(dims), rows)
        if found[vid].held:
            features = np.concatenate([features, np.repeat(features[-1:], found[vid].held, axis=0)])
        starts = np.arange(len(features)) * stage.clips.seconds
        return {"features": features, "times": np.stack([starts, starts + stage.clips.seconds], axis=1)}

    columns = {
        "duration_s": np.array([video.duration_s for video in table.values()]),
        "n_clips": np.array([video.n_clips for video in table.values()]),
        "has_audio": np.array([video.has_audio for video in table.values()]),
        **_source_columns(found.values()),
    }
    write_store(out, _provenance(stage, stream, dims, stage.clips.seconds), table, encode, columns)
    _report(out, found)


def import_texts(stage: ImportStage, stream: str, queries: list[Row], out: Path) -> None:
    """Import token states of queries into the store `out`. Its ids are the qids; it has no pooled embeddings.

    Raises:
        UserError: as `import_videos`.
    """
    if not LAYOUTS[stage.imported.layout].text:
        raise UserError(f"imported.{stream}: layout {stage.imported.layout} is for videos, not for queries")
    files = {str(row["qid"]): stage.imported.files(row["vid"], str(row["qid"])) for row in queries}
    dims = _dims(stage.imported, list(files.values()))
    found = {qid: _look(stage.imported, of_query, dims, None) for qid, of_query in files.items()}

    def encode(qid: str) -> Arrays:
        return {"tokens": _joined(stage.imported, found[qid].files, sum(dims), found[qid].rows)}

    texts = np.array([row["query"] for row in queries], dtype=np.str_)
    columns = {"query": texts, **_source_columns(found.values())}
    write_store(out, _provenance(stage, stream, dims, 0.0), found, encode, columns)
    _report(out, found)


def read_array(file: Path, key: str) -> NDArray[np.float32]:
    """Read the features in a .npy file, or in array `key` of a .npz file, as (rows, dim) float32.

    Raises:
        UserError: the file cannot be read, or has no such array; the array is not a matrix of floating-point numbers,
            or not all of them are finite in float32.
    """
    read_shape(file, key)  # its error names a missing array
    try:
        if key:
            with np.load(file, allow_pickle=False) as archive:
                values = archive[key]
        else:
            values = np.load(file, allow_pickle=False)
    except (OSError, ValueError, IndexError, EOFError, *ARCHIVE) as problem:
        raise UserError(f"{file}: not a readable NumPy file: {' '.join(str(problem).split())[:200]}") from None
    if values.dtype.kind != "f" or values.ndim != 2:
        raise UserError(f"{file}: features must be floating-point (rows, dim), got {values.dtype} {values.shape}")
    with np.errstate(over="ignore"):
        features = values.astype(np.float32)
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise UserError(f"{file}: row {row} holds numbers that are not finite in float32")
    return features


def read_shape(file: Path, key: str) -> tuple[int, ...]:
    """Read the shape of the same array from its header alone.

    Raises:
        UserError: the file cannot be read, or has no such array.
    """
    try:
        if not key:
            with file.open("rb") as content:
                return _header(content)
        with zipfile.ZipFile(file) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if key not in names:
                raise UserError(f"{file}: has no array {key!r} (it has: {', '.join(names)})")
            with archive.open(f"{key}.npy") as content:
                return _header(content)
    except (OSError, ValueError, EOFError, SyntaxError, tokenize.TokenError, *ARCHIVE) as problem:
        raise UserError(f"{file}: not a readable NumPy file: {' '.join(str(problem).split())[:200]}") from None


def _header(content: IO[bytes]) -> tuple[int, ...]:
    read = npy.read_array_header_1_0 if npy.read_magic(content) == (1, 0) else npy.read_array_header_2_0
    return tuple(read(content)[0])


def _dims(config: ImportConfig, files_of_ids: list[list[list[Path]]]) -> list[int]:
    """Width of each folder's part, from the first file of each kind."""
    key = LAYOUTS[config.layout].key
    dims = []
    for place, folder in enumerate(config.folders):
        width = 0
        for part in range(len(LAYOUTS[config.layout].names)):
            candidates = [files[place][part] for files in files_of_ids]
            suffix = LAYOUTS[config.layout].names[part].rpartition("}")[2]
            # A shard may hold only ids without a file: take the width from any file in the folder.
            first = next((file for file in candidates if file.is_file()), None) or next(
                iter(sorted(Path(folder).glob(f"*{suffix}"))), None
            )
            if first is None:
                raise UserError(
                    f"{folder}: no released features in layout {config.layout}, for example {candidates[0]}"
                )
            width += _width(first, read_shape(first, key))
        dims.append(width)
    return dims


def _width(file: Path, shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[1] < 1 or shape[0] < 0:
        raise UserError(f"{file}: features must be (rows, dim), got {shape}")
    return shape[1]


def _look(config: ImportConfig, files: list[list[Path]], dims: list[int], n_clips: int | None) -> Found:
    """Find the files of an id, and check that their shapes fit each other and the clip grid."""
    missing = [file for part in files for file in part if not file.is_file()]
    if missing:
        return Found([], 0, f"no file {missing[0]}")
    key = LAYOUTS[config.layout].key
    lengths = []
    for part, dim in zip(files, dims, strict=True):
        shapes = [read_shape(file, key) for file in part]
        width = sum(_width(file, shape) for file, shape in zip(part, shapes, strict=True))
        if width != dim:
            raise UserError(f"{part[0]}: {width} values per row, but other files of the folder have {dim}")
        lengths += [shape[0] for shape in shapes]
    problems = []
    if len(set(lengths)) > 1:
        problems.append(f"parts of {', '.join(map(str, lengths))} rows")
    rows, held = min(lengths), 0
    if n_clips is not None and rows != n_clips:
        held = n_clips - rows if rows and 0 < n_clips - rows <= config.hold_last else 0
        problems.append(f"{rows} rows for {n_clips} clips" + (", the last row held" if held else ""))
    if rows == 0:
        problems.append("no rows")
    return Found(files, rows, "; ".join(problems), held)


def _joined(config: ImportConfig, files: list[list[Path]], dim: int, rows: int) -> NDArray[np.float32]:
    """The parts of an id side by side, (rows, dim)."""
    if not files:
        return np.zeros((0, dim), np.float32)
    key = LAYOUTS[config.layout].key
    parts = [np.concatenate([read_array(file, key)[:rows] for file in of_folder], axis=1) for of_folder in files]
    if len(parts) > 1:  # as the references do; otherwise the part with the largest numbers would dominate
        parts = [part / (np.linalg.norm(part, axis=1, keepdims=True) + 1e-5) for part in parts]
    return np.concatenate(parts, axis=1)


def _source_columns(found: Iterable[Found]) -> dict[str, NDArray[np.generic]]:
    found = list(found)
    return {
        "source_sha256": np.array([_digest(item.files) for item in found], dtype=np.str_),
        "released_rows": np.array([item.rows for item in found], dtype=np.int64),
        "problem": np.array([item.problem for item in found], dtype=np.str_),
    }


def _digest(files: list[list[Path]]) -> str:
    """sha256 over the contents of an id's files, in order; empty if it has none."""
    digest = hashlib.sha256()
    for file in (file for part in files for file in part):
        digest.update(file.read_bytes())
    return digest.hexdigest() if files else ""


def _provenance(stage: ImportStage, stream: str, dims: list[int], clip_seconds: float) -> Provenance:
    parts = [{"folder": folder, "dim": dim} for folder, dim in zip(stage.imported.folders, dims, strict=True)]
    return Provenance(
        stream=stream,
        extractor=f"released {stage.imported.layout}",
        weights_sha256="",
        config=stage.to_json(),
        clip_seconds=clip_seconds,
        details=canonical_json({"parts": parts, "parts_normalised": len(parts) > 1}),
    )


def _report(out: Path, found: dict[str, Found]) -> None:
    odd = {name: item.problem for name, item in found.items() if item.problem}
    for name, problem in odd.items():
        _log.warning("%s: %s: %s", out, name, problem)
    without = sum(item.rows == 0 for item in found.values())
    _log.info(
        "%s: %d ids, %d without features, %d with a different length", out, len(found), without, len(odd) - without
    )
