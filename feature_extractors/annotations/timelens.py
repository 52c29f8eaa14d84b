"""TimeLens-Bench: one moment per query, for videos of Charades-STA, ActivityNet Captions and QVHighlights.

Its authors checked and mended the queries and moments of the three test sets. Queries have no ids. One whose words and
video are those of a row of the first labels keeps that row's id, so that one prediction is scored against both.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli import UserError
from feature_extractors.annotations.qids import number
from formats.annotations import LONGEST, plain_query
from formats.arrays import read_numbers
from formats.grid import CLIP_SECONDS, ClipGrid, whole_seconds
from formats.rows import Row, read_object, read_rows

_log = logging.getLogger(__name__)


def make_rows(path: Path, first_labels: Sequence[Path] = ()) -> list[Row]:
    """Make one row per query. Moments are cut at the video's end; a query that occurs twice keeps both rows.

    `path` is a JSON object: by video id, `duration` (s), `queries` [text, ...], `spans` [[start s, end s], ...].
    `first_labels`: files of rows whose queries keep their ids.

    Raises:
        UserError: a malformed entry, or a moment that is empty within its video.
    """
    entries = read_object(path)
    if not entries:
        raise UserError(f"{path}: no videos")
    known = _index(first_labels)
    keys: list[tuple[str, ...]] = []
    rows: list[Row] = []
    for vid, entry in entries.items():
        for query, start, end, seconds in _read_entry(entry, f"{path}: video {vid!r}"):
            # The position separates moments of the same query in the same video.
            keys.append((vid, query, f"{start:g}", f"{end:g}", str(len(keys))))
            rows.append(
                {
                    "qid": known.pop((vid, query), None),
                    "query": query,
                    "vid": vid,
                    "duration": whole_seconds(ClipGrid(seconds=CLIP_SECONDS).count(seconds)),
                    "duration_s": seconds,
                    "relevant_windows": [[start, end]],
                }
            )
    if first_labels:
        kept = sum(row["qid"] is not None for row in rows)
        _log.info(
            "%s: %d of %d queries have the words of one of the first labels, and keep its id", path, kept, len(rows)
        )
    return [
        {**row, "qid": qid if row["qid"] is None else row["qid"]}
        for qid, row in zip(number(keys, str(path)), rows, strict=True)
    ]


def _index(files: Sequence[Path]) -> dict[tuple[str, str], Any]:
    """Ids of rows by video and words; of several with the same words the first."""
    found: dict[tuple[str, str], Any] = {}
    for file in files:
        for row in read_rows(file):
            found.setdefault((str(row.get("vid")), plain_query(str(row.get("query")))), row.get("qid"))
    return found


def _read_entry(entry: Any, where: str) -> list[tuple[str, float, float, float]]:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: must be an object with duration, queries and spans")
    missing = [key for key in ("duration", "queries", "spans") if key not in entry]
    if missing:
        raise UserError(f"{where}: needs {missing[0]}")
    seconds, queries = entry["duration"], entry["queries"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not CLIP_SECONDS <= seconds <= LONGEST:
        raise UserError(f"{where}: duration must be {CLIP_SECONDS:g} to {LONGEST:g} seconds, got {seconds!r}")
    if not isinstance(queries, list) or not all(isinstance(query, str) and plain_query(query) for query in queries):
        raise UserError(f"{where}: queries must be a list of sentences")
    spans = read_numbers(entry["spans"], (None, 2), f"{where}: spans")
    if len(spans) != len(queries):
        raise UserError(f"{where}: {len(queries)} queries, but {len(spans)} spans")
    read = []
    for query, (start, end) in zip(queries, spans.tolist(), strict=True):
        if not 0 <= start < min(end, seconds):
            raise UserError(f"{where}: no moment between {start:g} and {end:g} s of a {seconds:g} s video")
        read.append((plain_query(query), start, min(end, float(seconds)), float(seconds)))
    return read
