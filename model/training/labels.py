"""Check the labels of annotation rows that training and validation read, before any work starts.

Rows have one of three layouts: QVHighlights (`relevant_windows`, `relevant_clip_ids`, `saliency_scores`), windows alone
(Charades-STA, captions for pre-training; in QV-M2, some of the rows), or TVSum (`label`). Rows of the first two may be
mixed. `relevant_windows: []` says that the video has no relevant moment; null says nothing, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cli import UserError
from formats.arrays import Floats
from formats.labels import (
    HIGHEST_RATING,
    LOWEST_RATING,
    ClipPoints,
    find_misfit,
    read_points,
    read_ratings,
    read_relevant_windows,
)
from formats.rows import Row

NAMED = 5
"""Rows that a message names; the rest are only counted."""


def lacks_saliency(row: Row) -> bool:
    """Whether a row has windows alone, as those of Charades-STA, some of QV-M2, and captions (subs_train.jsonl)."""
    return row.get("saliency_scores") is None


def check_rows(rows: list[Row], objective: str, where: str) -> None:
    """Check that all rows of a file have the labels that the objective needs. `where` names the file in messages.

    Raises:
        UserError: a label is missing, malformed or for another objective; the message names the qid and the key.
    """
    if objective == "saliency":
        for row in rows:
            _check_ratings(row, where)
        return
    for row in rows:
        check_labels(row, where)
    if rows and not any(row["relevant_windows"] for row in rows):
        raise UserError(
            f"{where}: none of {len(rows)} queries has a relevant moment: relevant_windows is [] in all rows"
        )


def check_labels(row: Row, where: str) -> None:
    """Check the labels of a row that training on moments reads.

    Raises:
        UserError: a label is missing or malformed; the message names the qid and the key.
    """
    if row.get("relevant_windows") is None and row.get("label") is not None:
        raise UserError(
            f"{where}: qid {row['qid']}: has label but no relevant_windows: set train.objective to saliency"
        )
    windows = read_windows(row, where)
    if not lacks_saliency(row) and len(read_clip_points(row, where).clips) and not len(windows):
        raise UserError(f"{where}: qid {row['qid']}: has relevant_clip_ids, but relevant_windows is empty")


def read_windows(row: Row, where: str) -> Floats:
    """`relevant_windows` as (windows, 2) in seconds, (0, 2) for a query without a relevant moment.

    Raises:
        UserError: windows are missing or malformed.
    """
    if row.get("relevant_windows") is None:
        raise UserError(
            f"{where}: qid {row['qid']}: relevant_windows must be a list of [start, end], [] if no moment is relevant"
        )
    windows = read_relevant_windows(row, where)
    return np.zeros((0, 2)) if windows is None else windows


def read_clip_points(row: Row, where: str) -> ClipPoints:
    """`saliency_scores` of the `relevant_clip_ids`.

    Raises:
        UserError: either is missing or malformed.
    """
    points = read_points(row, where)
    if points is None:
        raise UserError(f"{where}: qid {row['qid']}: needs both relevant_clip_ids and saliency_scores")
    return points


@dataclass(frozen=True)
class Misfits:
    """The rows whose labels do not fit their videos (`find_misfit`), and all others."""

    kept: list[Row]
    dropped: list[Row]
    causes: list[str]
    """Of the dropped rows, in their order."""

    def __str__(self) -> str:
        """One line that counts the dropped rows and names the first ones."""
        named = [
            f"qid {row['qid']} (video {row['vid']}): {cause}"
            for row, cause in zip(self.dropped[:NAMED], self.causes, strict=False)
        ]
        more = [f"{len(self.dropped) - NAMED} more"] if len(self.dropped) > NAMED else []
        total = len(self.dropped) + len(self.kept)
        return f"{len(self.dropped)} of {total} queries have labels that do not fit: {'; '.join([*named, *more])}"


def split_misfits(rows: list[Row], n_clips: Mapping[str, int], where: str, *, ratings: bool) -> Misfits:
    """Find the rows whose labels do not fit their videos.

    Args:
        n_clips: clips of each video; 0 if it has no features, which `FeatureSet` reports.
    """
    found = Misfits([], [], [])
    for row in rows:
        clips = n_clips[row["vid"]]
        cause = find_misfit(row, clips, where, ratings=ratings) if clips else ""
        if cause:
            found.dropped.append(row)
            found.causes.append(cause)
        else:
            found.kept.append(row)
    return found


def _check_ratings(row: Row, where: str) -> None:
    label = row.get("label")
    if label is None:
        raise UserError(f"{where}: qid {row['qid']}: has no label, which train.objective saliency needs")
    ratings = read_ratings(row, where)
    if not all(isinstance(clip, list) for clip in label):
        raise UserError(f"{where}: qid {row['qid']}: label must hold a list of ratings per clip")
    if ((ratings < LOWEST_RATING) | (ratings > HIGHEST_RATING)).any():
        raise UserError(f"{where}: qid {row['qid']}: label must hold numbers from {LOWEST_RATING} to {HIGHEST_RATING}")
