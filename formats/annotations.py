"""Annotation rows: JSONL in the QVHighlights schema, one query per line.

Every row has `qid`, `query`, `vid` and `duration`; labelled ones `relevant_windows`, `relevant_clip_ids` and
`saliency_scores`. Further keys are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from cli import UserError
from formats.grid import ClipGrid
from formats.rows import Row, read_rows


def read_annotations(paths: Iterable[Path]) -> list[Row]:
    """Read annotation files and check what every stage relies on: unique `qid`, text `query`, text `vid`.

    A qid is a whole number, as in QVHighlights, or text, as in TVSum.
    """
    rows: list[Row] = []
    seen: set[str] = set()
    for path in paths:
        for number, row in enumerate(read_rows(path), start=1):
            for key, kind in (("qid", int | str), ("query", str), ("vid", str)):
                if not isinstance(row.get(key), kind) or isinstance(row[key], bool):
                    wanted = getattr(kind, "__name__", "int or str")
                    raise UserError(f"{path}: row {number}: {key!r} must be {wanted}, got {row.get(key)!r}")
            # Stores know queries by the text of their qid.
            if str(row["qid"]) in seen:
                raise UserError(f"{path}: row {number}: qid {row['qid']} occurs twice")
            seen.add(str(row["qid"]))
            rows.append(row)
    return rows


def annotated_seconds(row: Row, clips: ClipGrid) -> float:
    """The duration that an annotation row gives, in seconds.

    `duration_s` if there is one, else `duration`; in TVSum's files that is the number of labelled clips.

    Raises:
        UserError: the row has none.
    """
    value = row.get("duration_s", row.get("duration"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise UserError(f"query {row.get('qid')}: duration must be a number of seconds above 0, got {value!r}")
    labels = row.get("label")
    if "duration_s" not in row and isinstance(labels, list) and len(labels) == value:
        return value * clips.seconds
    return float(value)
