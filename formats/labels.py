"""Labels of annotation rows as arrays: relevant windows, points per clip, ratings per clip.

Rows come in three layouts: QVHighlights (`relevant_windows`, `relevant_clip_ids`, `saliency_scores`), captions for
pre-training (subs_train.jsonl: `relevant_windows` alone), and TVSum (`label`; YouTube Highlights: `label` or `match`).
`where` names the file in messages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.annotations import LONGEST, count_clips
from formats.arrays import Floats, read_numbers
from formats.grid import CLIP_SECONDS
from formats.rows import Row

ANNOTATORS = 3
"""Annotators per query of QVHighlights."""
MOST_POINTS = 4
"""QVHighlights' annotators give each relevant clip 0 to 4 points."""
LAST_CLIP = int(LONGEST / CLIP_SECONDS) - 1
"""Index of the last clip of the longest video allowed."""
LOWEST_RATING, HIGHEST_RATING = 1, 5
"""TVSum's annotators rate each clip from 1 to 5."""
SLACK = 1
"""Clips by which labels may be longer than the grid. QVHighlights' labels end at the video's length rounded up to whole
clips, and the grid holds whole clips alone; encoders and programs that cut videos lose a fraction of a second."""


@dataclass(frozen=True)
class ClipPoints:
    """The points that annotators gave the relevant clips of a query.

    Attributes:
        clips: (n,) indices of the clips, in the order of the row.
        points: (n, annotators)
    """

    clips: NDArray[np.intp]
    points: Floats


def read_relevant_windows(row: Row, where: str) -> Floats | None:
    """Read `relevant_windows` as (windows, 2) in seconds, or None if there is nothing to retrieve (null or [])."""
    if row.get("relevant_windows") in (None, []):
        return None
    what = f"{where}: qid {row['qid']}: relevant_windows"
    windows = read_numbers(row["relevant_windows"], (None, 2), what)
    for start, end in windows[windows[:, 1] <= windows[:, 0]]:
        raise UserError(f"{what}: a window does not end after it starts: [{start:g}, {end:g}]")
    return windows


def read_points(row: Row, where: str) -> ClipPoints | None:
    """Read the `saliency_scores` of the `relevant_clip_ids`; None if the row does not have both.

    `read_saliency` also checks that the clips lie within the video and the points on the scale.
    """
    clips, scores = row.get("relevant_clip_ids"), row.get("saliency_scores")
    if clips is None or scores is None:
        return None
    what = f"{where}: qid {row['qid']}"
    if not isinstance(clips, list) or not isinstance(scores, list):
        raise UserError(f"{what}: relevant_clip_ids and saliency_scores must be lists")
    if len(clips) != len(scores):
        raise UserError(f"{what}: {len(clips)} relevant_clip_ids but {len(scores)} saliency_scores")
    # A query without relevant clips still has as many annotators as the official labels.
    annotators = len(scores[0]) if scores and isinstance(scores[0], list) else ANNOTATORS
    if not annotators:
        raise UserError(f"{what}: saliency_scores: must have at least one annotator")
    points = read_numbers(scores, (None, annotators), f"{what}: saliency_scores")
    numbers = read_numbers(clips, (None,), f"{what}: relevant_clip_ids")
    if ((numbers != np.floor(numbers)) | (numbers < 0) | (numbers > LAST_CLIP)).any():
        raise UserError(f"{what}: relevant_clip_ids must be whole numbers from 0 to {LAST_CLIP}")
    return ClipPoints(numbers.astype(np.intp), points)


def read_saliency(row: Row, where: str) -> Floats | None:
    """Read the saliency as (clips, annotators), 0 outside the relevant clips; None if the row has no labels."""
    labels = read_points(row, where)
    if labels is None:
        return None
    what = f"{where}: qid {row['qid']}"
    if ((labels.points < 0) | (labels.points > MOST_POINTS)).any():
        raise UserError(f"{what}: saliency_scores: points must be 0 to {MOST_POINTS}")
    length = count_clips(row, where)
    if (labels.clips >= length).any():
        raise UserError(f"{what}: relevant_clip_ids outside 0..{length - 1} (duration {row['duration']:g} s)")
    matrix = np.zeros((length, labels.points.shape[1]))
    matrix[labels.clips] = labels.points
    return matrix


def read_ratings(row: Row, where: str) -> Floats:
    """Read `label` as (clips, annotators); a list of plain numbers is that of one annotator.

    A row without `label` gives its `match`. CG-DETR's rows of YouTube Highlights have both; `match` is 1, 0 or -1.
    """
    what = f"{where}: qid {row['qid']}: label"
    label = row["label"] if row.get("label") is not None else row.get("match")
    if isinstance(label, list) and label and not isinstance(label[0], list):
        label = [[value] for value in label]
    columns = len(label[0]) if isinstance(label, list) and label else None
    ratings = read_numbers(label, (None, columns), what)
    if not ratings.size:
        raise UserError(f"{what}: empty")
    return ratings


def find_misfit(row: Row, n_clips: int, where: str, *, ratings: bool) -> str:
    """Say why a row's labels do not fit a video of `n_clips` clips of `CLIP_SECONDS`; empty if they do.

    Such a video is another than the annotators saw, mostly a shorter one. Windows and relevant clips must not reach
    more than `SLACK` clips beyond its end, and some window must start within it. A window beyond the row's own duration
    is a sloppy annotation (Charades-STA has some), and counts up to that duration. There must be as many ratings as
    clips, give or take `SLACK`.

    Args:
        ratings: compare `label`, which training on saliency alone reads; else windows and relevant clips.

    Raises:
        UserError: the labels are malformed.
    """
    if ratings:
        labelled = len(read_ratings(row, where))
        fits = abs(labelled - n_clips) <= SLACK
        return "" if fits else f"label rates {labelled} clips, but the video has {n_clips}"
    windows, points = read_relevant_windows(row, where), read_points(row, where)
    end, last = n_clips * CLIP_SECONDS, 0.0
    if windows is not None:
        if (windows[:, 0] >= end).all():
            return f"relevant_windows start at {windows[:, 0].min():g} s, but the video has {end:g} s"
        last = float(windows[:, 1].max())
    if points is not None and len(points.clips):
        last = max(last, (int(points.clips.max()) + 1) * CLIP_SECONDS)
    durations = [row[key] for key in ("duration", "duration_s") if _is_number(row.get(key))]
    last = min(last, max(durations, default=last))
    return f"labels reach {last:g} s, but the video has {end:g} s" if last > end + SLACK * CLIP_SECONDS else ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
