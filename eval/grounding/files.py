"""Files of results: of TimeLens (JSON or JSON lines), of lmms-eval's scorer of Charades-STA, and lmms-eval's logs.

Each answer stands under a key `VIDEO>>>QUERY>>>SPAN`, with the labelled span in seconds, [start, end] or [[start,
end]]. The answer is

- TimeLens: an object with `timestamps` ([[start, end], ...]), or with the text `answers`;
- lmms-eval's `eval_tvg.py` for Charades-STA: a text;
- a log of lmms-eval (`*_samples_*.jsonl`, with `--log_samples`): a line with `doc_id` per query, which repeats the key
  and the text under the name of each metric, such as `timelens_mIOU` or `charades_sta_mIOU`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cli import UserError
from eval.grounding.answers import Moment, read_charades, read_timelens, write_answer
from formats.arrays import read_numbers
from formats.rows import Row, iterate_rows, parse_json, read_object, shorten

MARK = ">>>"
LOGGED = {"timelens_mIOU": read_timelens, "charades_sta_mIOU": read_charades}
"""Metrics of lmms-eval's logs, and how their task reads answers."""


@dataclass(frozen=True)
class Answer:
    """The answer to one query."""

    where: str
    """File and key, for messages."""
    vid: str
    """Name of the video without folder and extension."""
    query: str
    span: Moment
    """The labelled moment, in seconds."""
    moments: list[Moment]
    """The moments that the answer names, in its order; they may be reversed."""


def read_answers(path: Path) -> list[Answer]:
    """Read the answers of a file of any of these forms, in order.

    Raises:
        UserError: no such file, a malformed entry, or no answers.
    """
    answers = [_read_answer(str(path), *entry) for entry in _entries(path)]
    if not answers:
        raise UserError(f"{path}: no answers")
    return answers


def write_timelens(answers: list[Answer]) -> Row:
    """Results for TimeLens's `compute_metrics.py`, which takes the first moment; without one the IoU is 0."""
    return {
        _key(answer, list(answer.span)): {
            "timestamps": [list(moment) for moment in answer.moments],
            "answers": write_answer(answer.moments[0]) if answer.moments else "",
        }
        for answer in answers
    }


def write_charades(answers: list[Answer]) -> Row:
    """Results for lmms-eval's `charades_sta/eval_tvg.py`: answers in words, empty without a moment."""
    return {
        _key(answer, list(answer.span)): write_answer(answer.moments[0]) if answer.moments else "" for answer in answers
    }


def _key(answer: Answer, span: list[float]) -> str:
    return MARK.join((f"{answer.vid}.mp4", answer.query, str(span)))


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Pairs of key and answer."""
    if path.suffix == ".json":
        yield from read_object(path).items()
        return
    for number, row in iterate_rows(path):
        if "doc_id" not in row:
            yield from row.items()
            continue
        logged = next((name for name in LOGGED if isinstance(row.get(name), dict)), None)
        if logged is None:
            raise UserError(
                f"{path}: line {number}: a log of another task: needs {' or '.join(LOGGED)}, with key and answer"
            )
        yield from ((key, _Logged(logged, text)) for key, text in row[logged].items())


@dataclass(frozen=True)
class _Logged:
    metric: str
    text: Any


def _read_answer(path: str, key: str, value: Any) -> Answer:
    where = f"{path}: {shorten(key, 100)}"
    parts = key.split(MARK)
    if len(parts) != 3:
        raise UserError(f"{where}: a key must be VIDEO{MARK}QUERY{MARK}SPAN")
    video, query, span = parts
    return Answer(
        where, PurePosixPath(video.replace("\\", "/")).stem, query, _read_span(span, where), _moments(value, where)
    )


def _read_span(text: str, where: str) -> Moment:
    """Read [start, end] or [[start, end]], also as Python's tuples."""
    value = parse_json(text.strip().replace("(", "[").replace(")", "]"), f"{where}: the span")
    if isinstance(value, list) and len(value) == 1:
        [value] = value
    start, end = read_numbers(value, (2,), f"{where}: the span")
    return float(start), float(end)


def _moments(value: Any, where: str) -> list[Moment]:
    read = read_charades
    if isinstance(value, _Logged):
        read, value = LOGGED[value.metric], value.text
    elif isinstance(value, dict):
        if "timestamps" in value:
            pairs = read_numbers(value["timestamps"], (None, 2), f"{where}: timestamps")
            return [(float(start), float(end)) for start, end in pairs]
        read, value = read_timelens, value.get("answers")
    if not isinstance(value, str):
        raise UserError(f"{where}: must have timestamps, or an answer in words, got {shorten(value)}")
    return read(value)
