"""What training and validation read of annotation rows, checked before any work.

Rows come in three layouts: QVHighlights (`relevant_windows`, `relevant_clip_ids`, `saliency_scores`), captions for
pre-training (subs_train.jsonl: `relevant_windows` alone, the first of them being the truth), and TVSum (`label`).
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from cli import UserError
from formats.rows import Row

LOWEST_LABEL, HIGHEST_LABEL = 1, 5
"""TVSum's annotators rate each shot from 1 to 5."""


def is_caption(row: Row) -> bool:
    """Whether a row has moments without saliency: speech that stands for a query, as in subs_train.jsonl."""
    return "saliency_scores" not in row


def check_rows(rows: list[Row], objective: str) -> None:
    """Check all rows of a file against what is to be learnt from them.

    Raises:
        UserError: naming the qid, and the key that is missing, malformed or of another objective.
    """
    if objective == "saliency":
        for row in rows:
            _check_ratings(row)
        return
    captions = sum(is_caption(row) for row in rows)
    if 0 < captions < len(rows):
        missing = next(row for row in rows if is_caption(row))
        raise UserError(
            f"qid {missing['qid']}: has no saliency_scores, as {captions} of {len(rows)} rows: either all rows have "
            "them or, for pre-training on captions, none"
        )
    for row in rows:
        check_labels(row)


def check_labels(row: Row) -> None:
    """Check what training on moments reads of a row.

    Raises:
        UserError: naming the qid and the key that is missing or malformed.
    """
    where = f"qid {row['qid']}"
    windows, clips, scores = (row.get(key) for key in ("relevant_windows", "relevant_clip_ids", "saliency_scores"))
    if windows is None and row.get("label") is not None:
        raise UserError(f"{where}: has label and no relevant_windows: set train.objective to saliency")
    if not isinstance(windows, list) or not windows or not all(_is_window(window) for window in windows):
        raise UserError(f"{where}: relevant_windows must be a list of [start, end] in seconds with start < end")
    if is_caption(row):
        return
    if not isinstance(clips, list) or not all(isinstance(clip, int) and clip >= 0 for clip in clips):
        raise UserError(f"{where}: relevant_clip_ids must be a list of whole numbers from 0")
    numeric = isinstance(scores, list) and all(
        isinstance(each, list) and all(isinstance(score, int | float) and isfinite(score) for score in each)
        for each in scores
    )
    if not isinstance(scores, list) or not numeric or len(scores) != len(clips):
        raise UserError(f"{where}: saliency_scores must be a list of numbers for each of relevant_clip_ids")


def _check_ratings(row: Row) -> None:
    label = row.get("label")
    where = f"qid {row['qid']}"
    if label is None:
        raise UserError(f"{where}: has no label, which train.objective saliency learns from")
    if not isinstance(label, list) or not label or not all(isinstance(clip, list) and clip for clip in label):
        raise UserError(f"{where}: label must be a list of ratings for each clip")
    if any(len(clip) != len(label[0]) for clip in label):
        raise UserError(f"{where}: label has clips with different numbers of ratings")
    if not all(_is_rating(rating) for clip in label for rating in clip):
        raise UserError(f"{where}: label must hold numbers from {LOWEST_LABEL} to {HIGHEST_LABEL}")


def _is_rating(value: object) -> bool:
    return isinstance(value, int | float) and LOWEST_LABEL <= value <= HIGHEST_LABEL


def _is_window(window: Any) -> bool:
    numbers = isinstance(window, list) and len(window) == 2 and all(isinstance(x, int | float) for x in window)
    return numbers and isfinite(window[0]) and isfinite(window[1]) and window[0] < window[1]
