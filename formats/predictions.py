"""Predictions: JSONL of the official submission rows, one query per line.

Keys: `qid`, `query`, `vid`, `pred_relevant_windows` ([start s, end s, score], best first; absent if no moments were
predicted) and `pred_saliency_scores` (one number per clip, higher = more of a highlight).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from formats.annotations import Qid, index_by_qid, index_truth, plain_query
from formats.arrays import Floats, read_numbers
from formats.grid import Span, average_spans
from formats.rows import Row, shorten

_log = logging.getLogger(__name__)
MOST_WINDOWS = 10
"""Predicted windows per query that the metrics look at, in the order listed."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for one query, rounded as in the file.

    Attributes:
        saliency: (clips,)
        windows: each [start s, end s, score]; None if no moments were predicted.
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
    """Make a prediction of plain numbers: saliency rounded to six decimals, times and scores of windows to four."""
    return Prediction(
        qid,
        query,
        vid,
        [round(score, 6) for score in saliency],
        None if windows is None else [[round(number, 4) for number in window] for window in windows],
    )


def merge_predictions(parts: Sequence[tuple[Span, Prediction]], n_clips: int, clip_seconds: float) -> Prediction:
    """Merge the predictions for spans of a video into one. Times in each part count from the start of its span.

    Windows keep the scores and the order that they have in their span. The saliency of a clip is averaged over the
    spans that contain it, and is NaN for a clip in no span.
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
    """Pair each prediction with its ground truth, in the order of the predictions; both must hold the same queries.

    Predictions about other videos than those of their queries are an error (`check_video`), and those for queries of
    another text are named in the log (`warn_of_other_texts`).

    Scores over different sets of queries would not be comparable, so a missing or extra prediction is an error. With
    `covered_only`, predictions may be missing, but an extra one is still an error.
    """
    predicted, wanted = index_by_qid(predictions, names[0]), index_truth(ground_truth, names[1])
    missing = [qid for qid in wanted if qid not in predicted]
    extra = [qid for qid in predicted if qid not in wanted]
    if missing and not covered_only:
        raise UserError(
            f"{names[0]}: {len(missing)} of {len(wanted)} queries are missing, first qid {missing[0]}: `score` and"
            " `tvsum` leave them out with --covered-only"
        )
    if extra:
        raise UserError(f"{names[0]}: {len(extra)} queries are not in {names[1]}, first qid {extra[0]}")
    if not predicted:
        raise UserError(f"{names[0]}: no queries")
    for qid, row in predicted.items():
        check_video(row, wanted[qid], names)
    pairs = [(row, wanted[qid]) for qid, row in predicted.items()]
    warn_of_other_texts(pairs, names)
    return pairs


def check_video(prediction: Row, query: Row, names: tuple[str, str]) -> None:
    """Check that a prediction is about the video of its query, if both name one.

    Raises:
        UserError: it is about another one: the two files are of different annotations.
    """
    mine, asked = prediction.get("vid"), query.get("vid")
    if mine is not None and asked is not None and mine != asked:
        raise UserError(f"{names[0]}: qid {query['qid']}: vid is {shorten(mine)}, but {asked!r} in {names[1]}")


def warn_of_other_texts(pairs: Iterable[tuple[Row, Row]], names: tuple[str, str]) -> None:
    """Name in the log predictions that repeat another query than theirs: they may be of other annotations.

    Files of different annotations may number their queries alike. Case, blanks and full stops do not count. It is no
    error, since the official program does not read the text, and other programs may cut or reword it.
    """
    found = [
        (prediction, query)
        for prediction, query in pairs
        if isinstance(prediction.get("query"), str)
        and isinstance(query.get("query"), str)
        and plain_query(prediction["query"]).casefold() != plain_query(query["query"]).casefold()
    ]
    if found:
        prediction, query = found[0]
        _log.warning(
            "note: %s: made for other queries? The text of %d differs from that in %s, first qid %s: %s, there %s",
            names[0], len(found), names[1], query["qid"], shorten(prediction["query"]), shorten(query["query"]),
        )  # fmt: skip


def has_windows(row: Row) -> bool:
    """Whether moments were predicted, even an empty list of them."""
    return "pred_relevant_windows" in row


def has_saliency(row: Row) -> bool:
    """Whether saliency was predicted."""
    return "pred_saliency_scores" in row


def read_predicted_windows(row: Row, where: str, as_listed: bool = False) -> Floats:
    """Read `pred_relevant_windows` as (windows, 3): start s, end s, score.

    A reversed window is an error. An empty one is not: rounding to whole clips makes some, and they match nothing.
    Windows that are not in descending order of score are an error unless `as_listed`: R1 takes the first listed window
    and mAP the one with the highest score, so the two would score different predictions, and it is unclear which one
    was meant. No metric looks beyond the first ten listed, so the order of the rest does not matter.
    """
    what = f"{where}: qid {row['qid']}: pred_relevant_windows"
    windows = read_numbers(row.get("pred_relevant_windows"), (None, 3), what)
    for start, end, _ in windows[windows[:, 1] < windows[:, 0]]:
        raise UserError(f"{what}: a window ends before it starts: [{start:g}, {end:g}]")
    if not as_listed:
        for place in find_unsorted(windows)[:1]:
            raise UserError(
                f"{what}: unsorted: score {windows[place, 2]:g} comes before {windows[place + 1, 2]:g}; sort the"
                " windows by score, best first (--as-listed scores them as they are, like the official program)"
            )
    return windows


def find_unsorted(windows: Floats) -> NDArray[np.intp]:
    """Indices of windows (n, 3) that have a lower score than the next one, among those that the metrics look at."""
    scores = windows[:MOST_WINDOWS, 2]
    return np.flatnonzero(scores[1:] > scores[:-1])


def read_predicted_saliency(row: Row, where: str) -> Floats:
    """Read `pred_saliency_scores` as (clips,)."""
    what = f"{where}: qid {row['qid']}: pred_saliency_scores"
    scores = read_numbers(row.get("pred_saliency_scores"), (None,), what)
    if not len(scores):
        raise UserError(f"{what}: empty")
    return scores
