"""Import released feature files into stores on this project's clip grid.

Row i of a released file describes clip i. Rows beyond the grid are left out; clips beyond the rows are masked, or
repeat the last row if so configured; ids without a file have no rows. The store's column `problem` records each case.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cli import Settings, UserError, canonical_json
from feature_extractors import CODE_VERSION
from feature_extractors.released.arrays import read_array, read_shape, width_of
from feature_extractors.released.layouts import Id, ImportConfig, check_dim, describe_absence
from formats.grid import ClipGrid
from formats.rows import Row
from formats.store import Arrays, Provenance, write_store
from formats.video_table import Video

_log = logging.getLogger(__name__)


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
    if stage.imported.kind.text:
        raise UserError(f"imported.{stream}: layout {stage.imported.layout} is for queries, not for videos")
    table = {video.vid: video for video in sorted(videos, key=lambda video: video.vid)}
    dims = _dims(stage.imported, stream, [(vid, "") for vid in table])
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
    if not stage.imported.kind.text:
        raise UserError(f"imported.{stream}: layout {stage.imported.layout} is for videos, not for queries")
    files = {str(row["qid"]): stage.imported.files(row["vid"], str(row["qid"])) for row in queries}
    dims = _dims(stage.imported, stream, [(row["vid"], str(row["qid"])) for row in queries])
    found = {qid: _look(stage.imported, of_query, dims, None) for qid, of_query in files.items()}

    def encode(qid: str) -> Arrays:
        return {"tokens": _joined(stage.imported, found[qid].files, sum(dims), found[qid].rows)}

    texts = np.array([row["query"] for row in queries], dtype=np.str_)
    columns = {"query": texts, **_source_columns(found.values())}
    write_store(out, _provenance(stage, stream, dims, 0.0), found, encode, columns)
    _report(out, found)


def _dims(config: ImportConfig, stream: str, ids: Sequence[Id]) -> list[int]:
    """Width of each folder's part, from the first file of each kind."""
    found: list[list[tuple[Path, int]]] = []
    for number, place in enumerate(config.places()):
        parts = []
        for part, name in enumerate(config.kind.names):
            candidates = (config.files(vid, qid)[number][part] for vid, qid in ids)
            suffix = name.rpartition("}")[2]
            # A shard may hold only ids without a file: take the width from any file in the folder.
            first = next((file for file in candidates if file.is_file()), None) or next(
                iter(sorted(place.glob(f"*{suffix}"))), None
            )
            if first is None:
                cause = describe_absence(config, place, part, ids) if place.is_dir() else f"no such folder: {place}"
                raise UserError(f"imported.{stream}: {cause}")
            parts.append((first, width_of(first, read_shape(first, config.kind.key))))
        found.append(parts)
    try:
        firsts = [one for parts in found for one in parts]
        check_dim(config, [file for file, _ in firsts], [width for _, width in firsts])
    except UserError as problem:
        raise UserError(f"imported.{stream}: {problem}") from None
    return [sum(width for _, width in parts) for parts in found]


def _look(config: ImportConfig, files: list[list[Path]], dims: list[int], n_clips: int | None) -> Found:
    """Find the files of an id, and check that their shapes fit each other and the clip grid."""
    missing = [file for part in files for file in part if not file.is_file()]
    if missing:
        return Found([], 0, f"no file {missing[0]}")
    key = config.kind.key
    lengths = []
    for part, dim in zip(files, dims, strict=True):
        shapes = [read_shape(file, key) for file in part]
        width = sum(width_of(file, shape) for file, shape in zip(part, shapes, strict=True))
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
    key = config.kind.key
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
