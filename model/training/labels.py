"""What training and validation read of annotation rows, checked before any work.

Rows come in three layouts: QVHighlights (`relevant_windows`, `relevant_clip_ids`, `saliency_scores`), captions for
pre-training (subs_train.jsonl: `relevant_windows` alone, the first of them being the truth), and TVSum (`label`).
"""

from __future__ import annotations

from cli import UserError
from formats.arrays import Floats
from formats.labels import (
    HIGHEST_RATING,
    LOWEST_RATING,
    ClipPoints,
    read_points,
    read_ratings,
    read_relevant_windows,
)
from formats.rows import Row


def is_caption(row: Row) -> bool:
    """Whether a row has moments without saliency: speech that stands for a query, as in subs_train.jsonl."""
    return "saliency_scores" not in row


def check_rows(rows: list[Row], objective: str, where: str) -> None:
    """Check all rows of a file against what is to be learnt from them. `where` stands for the file in messages.

    Raises:
        UserError: naming the qid, and the key that is missing, malformed or of another objective.
    """
    if objective == "saliency":
        for row in rows:
            _check_ratings(row, where)
        return
    captions = sum(is_caption(row) for row in rows)
    if 0 < captions < len(rows):
        missing = next(row for row in rows if is_caption(row))
        raise UserError(
            f"{where}: qid {missing['qid']}: has no saliency_scores, but {len(rows) - captions} of {len(rows)} rows do:"
            " give them for all rows or, to pre-train on captions, for none"
        )
    for row in rows:
        check_labels(row, where)


def check_labels(row: Row, where: str) -> None:
    """Check what training on moments reads of a row.

    Raises:
        UserError: naming the qid and the key that is missing or malformed.
    """
    if row.get("relevant_windows") is None and row.get("label") is not None:
        raise UserError(
            f"{where}: qid {row['qid']}: has label but no relevant_windows: set train.objective to saliency"
        )
    read_windows(row, where)
    if not is_caption(row):
        read_clip_points(row, where)


def read_windows(row: Row, where: str) -> Floats:
    """`relevant_windows` as (windows, 2) in seconds; at least one.

    Raises:
        UserError: there is none, or a malformed one.
    """
    windows = read_relevant_windows(row, where)
    if windows is None:
        raise UserError(f"{where}: qid {row['qid']}: relevant_windows must be a non-empty list of [start, end]")
    return windows


def read_clip_points(row: Row, where: str) -> ClipPoints:
    """`saliency_scores` of the `relevant_clip_ids`.

    Raises:
        UserError: either is missing or malformed.
    """
    points = read_points(row, where)
    if points is None:
        raise UserError(f"{where}: qid {row['qid']}: needs both relevant_clip_ids and saliency_scores")
    return points


def _check_ratings(row: Row, where: str) -> None:
    label = row.get("label")
    if label is None:
        raise UserError(f"{where}: qid {row['qid']}: has no label, which train.objective saliency needs")
    ratings = read_ratings(row, where)
    if not all(isinstance(clip, list) for clip in label):
        raise UserError(f"{where}: qid {row['qid']}: label must hold a list of ratings per clip")
    if ((ratings < LOWEST_RATING) | (ratings > HIGHEST_RATING)).any():
        raise UserError(f"{where}: qid {row['qid']}: label must hold numbers from {LOWEST_RATING} to {HIGHEST_RATING}")
