"""Predictions from and to files of results of video temporal grounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cli import UserError
from eval.grounding.files import MARK, Answer, read_answers, write_charades, write_timelens
from formats.annotations import index_truth, plain_query
from formats.arrays import LARGEST
from formats.labels import read_relevant_windows
from formats.predictions import match_queries, read_predicted_windows
from formats.rows import Row, read_rows

FORMATS: dict[str, Callable[[list[Answer]], Row]] = {"timelens": write_timelens, "charades_sta": write_charades}
"""The formats that can be written, each with its writer."""


def import_answers(answers: Path, ground_truth: Path) -> list[Row]:
    """Submission rows from a file of results, one per answer, with all its moments at score 1.

    Answers are matched with queries by video and words. Where several queries of a video have the same words, the
    labelled span decides. A moment without a length, or reversed, becomes a window of no length, which matches nothing,
    because it is scored as a miss there, and not passed over.

    Raises:
        UserError: a file is malformed, or an answer has no query or a second answer has the same.
    """
    free: dict[tuple[str, str], list[Row]] = {}
    for row in index_truth(read_rows(ground_truth), str(ground_truth)).values():
        free.setdefault((str(row.get("vid")), plain_query(str(row.get("query")))), []).append(row)
    return [_to_prediction(answer, _take(answer, free, str(ground_truth))) for answer in read_answers(answers)]


def export_answers(predictions: Path, ground_truth: Path, form: str) -> Row:
    """The best moment of each query in a format of `FORMATS`.

    Raises:
        UserError: a file is malformed, the files hold different queries, a query has no or several relevant windows, or
            two queries would have one key.
    """
    names = str(predictions), str(ground_truth)
    answers = [
        _to_answer(prediction, truth, names)
        for prediction, truth in match_queries(read_rows(predictions), read_rows(ground_truth), names)
    ]
    result = FORMATS[form](answers)
    if len(result) < len(answers):
        seen: set[tuple[object, ...]] = set()
        for answer in answers:
            same = (answer.vid, answer.query, answer.span)
            if same in seen:
                raise UserError(f"{answer.where}: another query has the same video, words and window")
            seen.add(same)
    return result


def _take(answer: Answer, free: dict[tuple[str, str], list[Row]], truth: str) -> Row:
    rows = free.get((answer.vid, plain_query(answer.query)))
    if rows is None:
        raise UserError(f"{answer.where}: {truth} has no such query about this video")
    if not rows:
        raise UserError(f"{answer.where}: a second answer to the same query")
    row = next((row for row in rows if list(answer.span) in (row.get("relevant_windows") or ())), rows[0])
    rows.remove(row)
    return row


def _to_prediction(answer: Answer, row: Row) -> Row:
    # A model may name a number of hundreds of digits.
    moments = [(min(start, LARGEST), min(end, LARGEST)) for start, end in answer.moments]
    windows = [[start, max(start, end), 1.0] for start, end in moments]
    return {"qid": row["qid"], "query": row.get("query"), "vid": row.get("vid"), "pred_relevant_windows": windows}


def _to_answer(prediction: Row, truth: Row, names: Sequence[str]) -> Answer:
    where = f"{names[1]}: qid {truth['qid']}"
    relevant = read_relevant_windows(truth, names[1])
    count = 0 if relevant is None else len(relevant)
    if relevant is None or count != 1:
        raise UserError(f"{where}: has {count} relevant windows, but these formats have one per query")
    query = plain_query(str(truth.get("query") or ""))
    if MARK in query or not truth.get("vid"):
        raise UserError(f"{where}: needs a vid, and a query without {MARK}")
    first = read_predicted_windows(prediction, names[0])[:1, :2].tolist()
    [[start, end]] = relevant.tolist()
    return Answer(where, str(truth["vid"]), query, (start, end), [(one, other) for one, other in first])
