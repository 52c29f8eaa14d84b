"""Annotation rows: JSONL in the QVHighlights schema, one query per line.

Every row has `qid`, `query`, `vid` and `duration`; `domain` is TVSum's. Further keys are kept; `labels` reads those of
labelled rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cli import UserError
from formats.grid import CLIP_SECONDS, ClipGrid
from formats.rows import Row, read_rows, shorten

Qid = int | str
"""A query id is a whole number, as in QVHighlights, or text, as in TVSum."""

LONGEST = 24 * 3600.0
"""Seconds. A longer duration is in another unit, or a mistake."""


def read_annotations(paths: Iterable[Path]) -> list[Row]:
    """Read annotation files and check what every stage relies on: unique `qid`, text `query`, text `vid`.

    Text with the character NUL is refused, which HDF5 and file names cannot hold.

    Raises:
        UserError: a malformed row or a repeated qid; the message names the file and the row.
    """
    rows: list[Row] = []
    seen: set[str] = set()
    for path in paths:
        for number, row in enumerate(read_rows(path), start=1):
            where = f"{path}: row {number}"
            # Stores identify queries by the text of their qid.
            qid = str(read_qid(row, where))
            texts = {"qid": qid, **{key: _check_text(row, key, where) for key in ("query", "vid")}}
            for key, text in texts.items():
                if "\0" in text:
                    raise UserError(f"{where}: {key} holds the character \\u0000, which no feature store can hold")
            if qid in seen:
                raise UserError(f"{where}: qid {qid} occurs twice")
            seen.add(qid)
            rows.append(row)
    return rows


def read_qid(row: Row, where: str) -> Qid:
    """The id of the query that a row is about.

    Raises:
        UserError: the qid is missing, or neither a whole number nor a string.
    """
    qid: Any = row.get("qid")
    if isinstance(qid, bool) or not isinstance(qid, int | str):
        raise UserError(f"{where}: qid must be a whole number or a string, got {shorten(qid)}")
    return qid


def index_by_qid(rows: Sequence[Row], where: str) -> dict[Qid, Row]:
    """Index rows by query id, in their order; a missing, malformed or repeated qid is an error."""
    found: dict[Qid, Row] = {}
    for position, row in enumerate(rows, start=1):
        qid = read_qid(row, f"{where}: row {position}")
        if qid in found:
            raise UserError(f"{where}: qid {qid}: occurs twice")
        found[qid] = row
    return found


def index_truth(rows: Sequence[Row], where: str) -> dict[Qid, Row]:
    """Index ground truth by query id; `query` and `vid` must be text if a row has them."""
    found = index_by_qid(rows, where)
    for qid, row in found.items():
        for key in ("query", "vid"):
            if row.get(key) is not None:
                _check_text(row, key, f"{where}: qid {qid}")
    return found


def sort_by_qid(rows: Iterable[Row]) -> list[Row]:
    """Sort rows by query id: whole numbers first, then text."""
    return sorted(rows, key=lambda row: (isinstance(row["qid"], str), row["qid"]))


def index_by_vid(rows: Sequence[Row], where: str) -> dict[str, Row]:
    """Index the rows of a video table by `vid`; a `vid` that is missing, not text or repeated is an error."""
    found: dict[str, Row] = {}
    for position, row in enumerate(rows, start=1):
        vid = _check_text(row, "vid", f"{where}: row {position}")
        if vid in found:
            raise UserError(f"{where}: vid {vid}: occurs twice")
        found[vid] = row
    return found


def select_domains(rows: Sequence[Row], domains: Iterable[str], where: str) -> list[Row]:
    """Select the rows of some domains, such as TVSum's.

    Raises:
        UserError: one of the domains has no row.
    """
    wanted = list(domains)
    known = sorted({row["domain"] for row in rows if isinstance(row.get("domain"), str)})
    unknown = [domain for domain in wanted if domain not in known]
    if unknown:
        raise UserError(f"{where}: no row of domain {unknown[0]!r} (domains: {', '.join(known[:20]) or 'none'})")
    return [row for row in rows if row.get("domain") in wanted]


def annotated_seconds(row: Row, clips: ClipGrid) -> float:
    """The duration in an annotation row, in seconds.

    This is `duration_s` if the row has it, else `duration`, which is the number of labelled clips in TVSum's files.

    Raises:
        UserError: the row has no valid duration.
    """
    value = row.get("duration_s", row.get("duration"))
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= sys.float_info.max:
        raise UserError(f"query {row.get('qid')}: duration must be a number of seconds above 0, got {shorten(value)}")
    labels = row.get("label")
    if "duration_s" not in row and isinstance(labels, list) and len(labels) == value:
        return value * clips.seconds
    return float(value)


def plain_query(query: str) -> str:
    """A query with single blanks and without full stops around it, as TimeLens asks it."""
    return " ".join(query.split()).strip(".").strip()


def count_clips(row: Row, where: str) -> int:
    """Count the whole clips within the row's `duration` (seconds), as the official evaluation does.

    Raises:
        UserError: the duration is missing, not valid or shorter than a clip.
    """
    duration = row.get("duration")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 < duration <= LONGEST:
        raise UserError(
            f"{where}: qid {row['qid']}: duration must be seconds, at most {LONGEST:.0f}, got {shorten(duration)}"
        )
    if duration < CLIP_SECONDS:
        raise UserError(f"{where}: qid {row['qid']}: duration {duration:g} s is shorter than one clip")
    return int(duration / CLIP_SECONDS)


def _check_text(row: Row, key: str, where: str) -> str:
    value: Any = row.get(key)
    if not isinstance(value, str):
        raise UserError(f"{where}: {key} must be text, got {shorten(value)}")
    return value
