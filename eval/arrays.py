"""Rows of predictions and ground truth: what they must look like, and their arrays.

Every fault is one `UserError` that names the file (or what stands for it) and the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.rows import Row

Floats = NDArray[np.float64]
Qid = int | str

# The most that a score or a time may be: models compute in 32 bits, and sums of such numbers stay finite in 64.
LARGEST = float(np.finfo(np.float32).max)
# Seconds. A longer duration is in another unit, and the clips of 2e9 s would not fit into memory.
LONGEST = 24 * 3600.0
MOST_POINTS = 4
MOST_WINDOWS = 10
"""Predicted windows of a query that any metric looks at, in the order listed."""


def index_by_qid(rows: Sequence[Row], where: str) -> dict[Qid, Row]:
    """Rows by query id, in their order; refuses a missing, a malformed or a repeated qid."""
    found: dict[Qid, Row] = {}
    for position, row in enumerate(rows, start=1):
        qid = row.get("qid")
        if isinstance(qid, bool) or not isinstance(qid, int | str):
            raise UserError(f"{where}: row {position}: qid must be a whole number or a string, got {shorten(qid)}")
        if qid in found:
            raise UserError(f"{where}: qid {qid}: occurs twice")
        found[qid] = row
    return found


def index_truth(rows: Sequence[Row], where: str) -> dict[Qid, Row]:
    """`index_by_qid` of ground truth, whose `query` and `vid` must be text where a row has them."""
    found = index_by_qid(rows, where)
    for qid, row in found.items():
        for key in ("query", "vid"):
            if not isinstance(row.get(key), str | None):
                raise UserError(f"{where}: qid {qid}: {key} must be text, got {shorten(row[key])}")
    return found


def index_by_vid(rows: Sequence[Row], where: str) -> dict[str, Row]:
    """Rows of a table of videos by `vid`; refuses one that is missing, no text or repeated."""
    found: dict[str, Row] = {}
    for position, row in enumerate(rows, start=1):
        vid = row.get("vid")
        if not isinstance(vid, str):
            raise UserError(f"{where}: row {position}: vid must be text, got {shorten(vid)}")
        if vid in found:
            raise UserError(f"{where}: vid {vid}: occurs twice")
        found[vid] = row
    return found


def match_queries(
    predictions: Sequence[Row], ground_truth: Sequence[Row], names: tuple[str, str], covered_only: bool = False
) -> list[tuple[Row, Row]]:
    """Pairs (prediction, ground truth) in the order of the predictions; both must hold exactly the same queries.

    A score over the queries that happen to be there would not be comparable, so a missing or extra one is an error.
    With `covered_only` predictions may be missing, but still not be extra.
    """
    predicted, wanted = index_by_qid(predictions, names[0]), index_truth(ground_truth, names[1])
    missing = [qid for qid in wanted if qid not in predicted]
    extra = [qid for qid in predicted if qid not in wanted]
    if missing and not covered_only:
        raise UserError(f"{names[0]}: {len(missing)} of {len(wanted)} queries are missing, first qid {missing[0]}")
    if extra:
        raise UserError(f"{names[0]}: {len(extra)} queries are not in {names[1]}, first qid {extra[0]}")
    if not predicted:
        raise UserError(f"{names[0]}: no queries")
    return [(row, wanted[qid]) for qid, row in predicted.items()]


def read_numbers(value: Any, shape: tuple[int | None, ...], what: str) -> Floats:
    """A list of numbers, or of lists of them, as an array; None in `shape` is any length, and `[]` is allowed there.

    NumPy alone would take "1.5" for a number, true for 1 and null for NaN.
    """
    wanted = " x ".join("n" if size is None else str(size) for size in shape)
    try:
        array = np.asarray(value)
    except ValueError:
        raise UserError(f"{what}: must be {wanted} numbers, got rows of different lengths") from None
    if isinstance(value, list) and not value and shape[0] is None:
        return np.zeros([size or 0 for size in shape])
    fits = array.ndim == len(shape) and all(size in (None, got) for size, got in zip(shape, array.shape, strict=True))
    if array.dtype.kind not in "iuf" or not fits:
        raise UserError(f"{what}: must be {wanted} numbers, got {shorten(value)}")
    if any(bool in map(type, row) for row in (value if array.ndim > 1 else [value])):
        raise UserError(f"{what}: must be {wanted} numbers, holds true or false")
    array = array.astype(np.float64)
    if not (np.abs(array) <= LARGEST).all():
        cause = f"a number beyond ±{LARGEST:.3g}" if np.isfinite(array).all() else "NaN or infinity"
        raise UserError(f"{what}: holds {cause}")
    return array


def shorten(value: Any, most: int = 60) -> str:
    """The start of a value's text, for messages of one line."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"{type(value).__name__} of many levels"
    return text if len(text) <= most else text[: most - 1] + "…"


def read_predicted_windows(row: Row, where: str, as_listed: bool = False) -> Floats:
    """`pred_relevant_windows` as (windows, 3): start s, end s, score.

    A reversed window is refused. One of no length is not: rounding to whole clips makes some, and they match nothing.
    Windows that are not in descending order of score are refused unless `as_listed`: R1 takes the first listed window
    and mAP the highest score, so the two would be about different predictions, and nothing tells which one was meant.
    No metric looks beyond the first ten listed, so the order of the others is theirs.
    """
    what = f"{where}: qid {row['qid']}: pred_relevant_windows"
    windows = read_numbers(row.get("pred_relevant_windows"), (None, 3), what)
    for start, end, _ in windows[windows[:, 1] < windows[:, 0]]:
        raise UserError(f"{what}: a window ends before it starts: [{start:g}, {end:g}]")
    if not as_listed:
        for place in find_unsorted(windows)[:1]:
            raise UserError(
                f"{what}: unsorted, score {windows[place, 2]:g} stands before {windows[place + 1, 2]:g}: sort the"
                " windows by score, best first (--as-listed scores them as they are, like the official program)"
            )
    return windows


def find_unsorted(windows: Floats) -> NDArray[np.intp]:
    """Places of windows (n, 3) with a lower score than the next one, among those that count."""
    scores = windows[:MOST_WINDOWS, 2]
    return np.flatnonzero(scores[1:] > scores[:-1])


def read_predicted_saliency(row: Row, where: str) -> Floats:
    """`pred_saliency_scores` as (clips,)."""
    what = f"{where}: qid {row['qid']}: pred_saliency_scores"
    scores = read_numbers(row.get("pred_saliency_scores"), (None,), what)
    if not len(scores):
        raise UserError(f"{what}: empty")
    return scores


def read_relevant_windows(row: Row, where: str) -> Floats | None:
    """`relevant_windows` as (windows, 2) in seconds, or None where there is nothing to retrieve: null or []."""
    if row.get("relevant_windows") in (None, []):
        return None
    what = f"{where}: qid {row['qid']}: relevant_windows"
    windows = read_numbers(row["relevant_windows"], (None, 2), what)
    for start, end in windows[windows[:, 1] <= windows[:, 0]]:
        raise UserError(f"{what}: a window does not end after it starts: [{start:g}, {end:g}]")
    return windows


def count_clips(row: Row, where: str, clip_seconds: float = 2.0) -> int:
    """Whole clips within the row's `duration` (seconds), as the official evaluation counts them."""
    duration = row.get("duration")
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 < duration <= LONGEST:
        raise UserError(
            f"{where}: qid {row['qid']}: duration must be seconds, at most {LONGEST:.0f}, got {shorten(duration)}"
        )
    if duration < clip_seconds:
        raise UserError(f"{where}: qid {row['qid']}: duration {duration:g} s is shorter than one clip")
    return int(duration / clip_seconds)


def read_saliency(row: Row, where: str) -> Floats | None:
    """Annotated saliency as (clips, annotators), 0 outside the relevant clips; None where the row has no labels."""
    clips, scores = row.get("relevant_clip_ids"), row.get("saliency_scores")
    if clips is None or scores is None:
        return None
    what = f"{where}: qid {row['qid']}"
    length = count_clips(row, where)
    if not isinstance(clips, list) or not isinstance(scores, list):
        raise UserError(f"{what}: relevant_clip_ids and saliency_scores must be lists")
    if len(clips) != len(scores):
        raise UserError(f"{what}: {len(clips)} relevant_clip_ids but {len(scores)} saliency_scores")
    # The official labels are by three annotators; a query without relevant clips still counts with that many.
    annotators = len(scores[0]) if scores and isinstance(scores[0], list) else 3
    if not annotators:
        raise UserError(f"{what}: saliency_scores: of no annotator")
    values = read_numbers(scores, (None, annotators), f"{what}: saliency_scores")
    if ((values < 0) | (values > MOST_POINTS)).any():
        raise UserError(f"{what}: saliency_scores: points must be 0 to {MOST_POINTS}")
    numbers = read_numbers(clips, (None,), f"{what}: relevant_clip_ids")
    if (numbers != np.floor(numbers)).any():
        raise UserError(f"{what}: relevant_clip_ids must be whole numbers")
    if ((numbers < 0) | (numbers >= length)).any():
        raise UserError(f"{what}: relevant_clip_ids outside 0..{length - 1} (duration {row['duration']:g} s)")
    ids = numbers.astype(np.intp)
    matrix = np.zeros((length, annotators))
    matrix[ids] = values
    return matrix
