"""The page of a search: its answers in the explorer, which opens from disk, without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from av_highlights.answers import Answer
from av_highlights.finder import MomentFinder
from av_highlights.report import Ranking, name_videos
from av_highlights.search import Search
from cli import track
from cli.outputs import check_outputs
from eval.explorer.answers import Answers
from eval.explorer.query_data import describe_media, describe_query
from eval.explorer.site import INDEX, write_site
from eval.explorer.study_data import describe_table
from formats.arrays import Floats
from formats.gate_log import GateSample, read_gate_sample
from formats.rows import Row

FOLDER, PREVIEWS = "explorer", "previews"
TITLE, NAME = "Moments", "found"
"""Of the page, and of the answers, where those of a study have the name of a run."""
SCORE = "score"
"""Key of the column of best scores."""


def write_explorer(folder: Path, search: Search, ranking: Ranking, finder: MomentFinder) -> Path:
    """Write the page of a search into `folder`/explorer, and return it.

    It has a row per query and video, query by query, best score first. Videos are linked by relative paths.

    Raises:
        UserError: a file cannot be written.
    """
    page = folder / FOLDER
    videos = list(dict.fromkeys(answer.video for answer in search.answers))
    pictures = {video: f"{number:05d}" for number, video in enumerate(videos)}
    check_outputs([page / INDEX, *(page / PREVIEWS / f"{name}.jpg" for name in pictures.values())], videos)
    (page / PREVIEWS).mkdir(parents=True, exist_ok=True)
    for old in (page / PREVIEWS).glob("*.jpg"):
        if re.fullmatch(r"\d{5,}", old.stem):
            old.unlink()
    media: dict[Path, dict[str, Any]] = {}
    levels: dict[Path, Floats | None] = {}
    for video in track(videos, "pictures"):
        preview, levels[video] = finder.preview(video, page / PREVIEWS, pictures[video])
        media[video] = describe_media(preview, page / PREVIEWS, video.parent, page)
    answers = [answer for query in ranking for answer in _sort(search.answers, query)]
    names = name_videos(search.answers)
    rows, given = _gather(answers, names)
    study = {
        "dataset": TITLE,
        "split": "",
        "warning": answers[0].warning,
        "hint": "The pictures and curves are those of the search.",
        **describe_table(rows, [given], "answers"),
        "runs": None,
        "domains": None,
        "training": [],
        "figures": [],
    }

    def describe() -> Iterator[dict[str, Any]]:
        for row, answer in zip(rows, answers, strict=True):
            yield describe_query(row, [given], media[answer.video], levels[answer.video], "answers")

    write_site(page, study, describe())
    return page / INDEX


def _sort(answers: tuple[Answer, ...], query: str) -> list[Answer]:
    """The answers to a query, best moment first; answers without moments come last."""
    asked = [answer for answer in answers if answer.query == query]
    return sorted(asked, key=lambda answer: -answer.moments[0].score if answer.moments else 1.0)


def _gather(answers: list[Answer], names: dict[Path, str]) -> tuple[list[Row], Answers]:
    """Rows of the queries, numbered from 1, and all that was answered, as if it were one run's."""
    rows: list[Row] = []
    predictions: dict[int | str, Row] = {}
    gates: dict[int | str, GateSample] = {}
    values: dict[int | str, dict[str, float | None]] = {}
    for qid, answer in enumerate(answers, start=1):
        query, prediction = answer.to_rows(qid)
        rows.append({**query, "vid": names[answer.video]})
        predictions[qid] = prediction
        values[qid] = {SCORE: 100 * answer.moments[0].score if answer.moments else None}
        if answer.gates:
            gates[qid] = read_gate_sample({**query, **answer.to_dict()}, f"answer {qid}")
    return rows, Answers(NAME, NAME, answers[0].bundle, predictions, gates, values)
