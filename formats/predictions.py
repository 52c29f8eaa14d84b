"""Predictions: JSONL of the official submission rows, one query per line.

Keys: `qid`, `query`, `vid`, `pred_relevant_windows` ([start s, end s, score], best first; absent where no moments were
predicted) and `pred_saliency_scores` (one number per clip, higher = more of a highlight).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.annotations import Qid, index_by_qid, index_truth
from formats.arrays import Floats, read_numbers
from formats.grid import Span, average_spans
from formats.rows import Row

MOST_WINDOWS = 10
"""Predicted windows of a query that any metric looks at, in the order listed."""


@dataclass(frozen=True)
class Prediction:
    """What is predicted for one query, rounded as it is written.

    Attributes:
        saliency: (clips,)
        windows: [start s, end s, score] each; None where no moments were predicted.
    """

    qid: Qid
    query: str
    vid: str
    saliency: list[float]
    windows: list[list[float]] | None

    def to_row(self) -> Row:
        """The official row."""
        row: Row = {"qid": self.qid, "query": self.query, "vid": self.vid}
        if self.windows is not None:
            row["pred_relevant_windows"] = self.windows
        return {**row, "pred_saliency_scores": self.saliency}


def make_prediction(
    qid: Qid, query: str, vid: str, saliency: Iterable[float], windows: Iterable[Sequence[float]] | None
) -> Prediction:
    """A prediction of plain numbers; saliency is rounded to six decimals, times and scores of windows to four."""
    return Prediction(
        qid,
        query,
        vid,
        [round(score, 6) for score in saliency],
        None if windows is None else [[round(number, 4) for number in window] for window in windows],
    )


def merge_predictions(parts: Sequence[tuple[Span, Prediction]], n_clips: int, clip_seconds: float) -> Prediction:
    """One prediction of those for spans of a video, whose times count from the start of their span.

    Windows keep the scores that they have in their span and its order. The saliency of a clip is the mean over the
    spans that contain it; NaN for clips of no span.
    """
    first = parts[0][1]
    windows = None
    if first.windows is not None:
        windows = [
            [start + span[0] * clip_seconds, end + span[0] * clip_seconds, score]
            for span, part in parts
            for start, end, score in part.windows or ()
        ]
    saliency = average_spans([(span, part.saliency) for span, part in parts], n_clips).tolist()
    return make_prediction(first.qid, first.query, first.vid, saliency, windows)


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


def has_windows(row: Row) -> bool:
    """Whether moments were predicted, be it none."""
    return "pred_relevant_windows" in row


def has_saliency(row: Row) -> bool:
    """Whether saliency was predicted."""
    return "pred_saliency_scores" in row


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
