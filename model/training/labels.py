"""Check the labels of annotation rows that training and validation read, before any work starts.

Rows have one of three layouts: QVHighlights (`relevant_windows`, `relevant_clip_ids`, `saliency_scores`), captions for
pre-training (subs_train.jsonl: only `relevant_windows`, the first of which is the truth), or TVSum (`label`).
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
    """Whether a row has moments but no saliency: a speech caption used as a query, as in subs_train.jsonl."""
    return "saliency_scores" not in row


def check_rows(rows: list[Row], objective: str, where: str) -> None:
    """Check that all rows of a file have the labels that the objective needs. `where` names the file in messages.

    Raises:
        UserError: a label is missing, malformed or for another objective; the message names the qid and the key.
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
    """Check the labels of a row that training on moments reads.

    Raises:
        UserError: a label is missing or malformed; the message names the qid and the key.
    """
    if row.get("relevant_windows") is None and row.get("label") is not None:
        raise UserError(
            f"{where}: qid {row['qid']}: has label but no relevant_windows: set train.objective to saliency"
        )
    read_windows(row, where)
    if not is_caption(row):
        read_clip_points(row, where)


def read_windows(row: Row, where: str) -> Floats:
    """`relevant_windows` as (windows, 2) in seconds, at least one window.

    Raises:
        UserError: windows are missing or malformed.
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
