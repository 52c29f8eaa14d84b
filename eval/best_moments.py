"""A readable table of predictions: the best moments of each query, with times as video players show them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cli import UserError
from eval.markup import markdown_table, markdown_text
from eval.tvsum.precision import rank_clips
from formats.annotations import Qid, index_by_qid
from formats.grid import clip_bounds
from formats.predictions import (
    check_video,
    has_saliency,
    has_windows,
    read_predicted_saliency,
    read_predicted_windows,
    warn_of_other_texts,
)
from formats.rows import Row

HEADS = ("video", "query", "rank", "what", "start_s", "end_s", "score", "warning")


@dataclass(frozen=True)
class Ranked:
    """One of a query's best moments, or one of its best clips if no moments were predicted."""

    query: Row
    rank: int
    what: str
    start: float
    end: float
    score: float


def rank_queries(
    predictions: Sequence[Row], queries: Sequence[Row], topk: int, names: tuple[str, str]
) -> dict[Qid, list[Ranked]]:
    """Rank the `topk` best moments of every query, in the order of the queries; none for a query without prediction.

    Raises:
        UserError: rows are malformed, or a prediction is for an unknown query or for another video.
    """
    predicted, asked = index_by_qid(predictions, names[0]), index_by_qid(queries, names[1])
    for qid, query in asked.items():
        for key in ("vid", "query"):
            if not isinstance(query.get(key), str):
                raise UserError(f"{names[1]}: qid {qid}: {key} must be text")
    for qid, row in predicted.items():
        if qid not in asked:
            raise UserError(f"{names[0]}: qid {qid}: no such query in {names[1]}")
        check_video(row, asked[qid], names)
    warn_of_other_texts([(row, asked[qid]) for qid, row in predicted.items()], names)
    return {
        qid: [
            Ranked(query, rank, *found)
            for rank, found in enumerate(_find_best(predicted[qid], names[0], topk) if qid in predicted else (), 1)
        ]
        for qid, query in asked.items()
    }


def _find_best(row: Row, where: str, topk: int) -> list[tuple[str, float, float, float]]:
    if has_windows(row):
        windows = read_predicted_windows(row, where, as_listed=True)
        windows = windows[np.argsort(-windows[:, 2], kind="stable")][:topk]
        # An answer of a language model may name no moment, and has no scores.
        if len(windows) or not has_saliency(row):
            return [("moment", float(start), float(end), float(score)) for start, end, score in windows]
    scores = read_predicted_saliency(row, where)
    best = rank_clips(scores)[:topk]
    bounds = clip_bounds(len(scores))
    return [("clip", *bounds[clip].tolist(), float(scores[clip])) for clip in best.tolist()]


LONGEST_NAME = 200
"""Bytes of a file name. File systems allow 255; the rest is for the suffix, and for that of a partly written file."""


def picture_names(queries: Sequence[Row], where: str) -> dict[Qid, str]:
    """File name of every query's picture, without suffix: the qid.

    Raises:
        UserError: a qid is no valid file name, or would lead out of the folder.
    """
    names = {row["qid"]: str(row["qid"]) for row in queries}
    for name in names.values():
        if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
            raise UserError(f"{where}: qid {name!r}: pictures are named by qid, so use only letters, digits, - and _")
        if len(name.encode()) > LONGEST_NAME:
            raise UserError(f"{where}: qid {name[:20]!r}...: too long for the file name of a picture")
    texts = list(names.values())
    twice = next((name for name in texts if texts.count(name) > 1), None) if len(set(texts)) < len(texts) else None
    if twice:
        raise UserError(f"{where}: qid {twice}: is both a number and a string, which would share one picture")
    return names


def render_markdown(
    ranked: Mapping[Qid, Sequence[Ranked]],
    queries: Sequence[Row],
    pictures: str | None,
    where: str = "queries",
    warning: str = "",
) -> str:
    """Render one table per query, with a link to its picture in the folder `pictures`.

    `where` names the queries in messages; `warning` stands above all tables.

    Raises:
        UserError: with `pictures`, a qid that cannot name a picture.
    """
    files = picture_names(queries, where) if pictures else {}
    lines = ["# Ranked moments", "", *([f"**Warning:** {markdown_text(warning)}.", ""] if warning else [])]
    for query in queries:
        vid, qid = " ".join(query["vid"].split()).replace("`", "'"), markdown_text(str(query["qid"]))
        lines += [f"## {markdown_text(query['query'])}", "", f"Video `{vid}`, query {qid}."]
        if files:
            lines[-1] += f" [Highlight curve]({pictures}/{files[query['qid']]}.png)"
        found = ranked[query["qid"]]
        if not found:
            lines += ["", "No moment: none was predicted, or the video was left out (see `problems.tsv`).", ""]
            continue
        rows = [
            [str(one.rank), one.what, show_time(one.start), show_time(one.end), f"{one.score:.4f}"] for one in found
        ]
        lines += ["", *markdown_table(["Rank", "What", "From", "To", "Score"], "rlrrr", rows), ""]
    return "\n".join(lines)


def render_tsv(ranked: Mapping[Qid, Sequence[Ranked]], warning: str = "") -> str:
    """Render one line per moment, times in seconds. `warning` stands in the last column of each."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(HEADS)
    for one in (one for found in ranked.values() for one in found):
        names: list[Any] = [" ".join(one.query[key].split()) for key in ("vid", "query")]
        writer.writerow([*names, one.rank, one.what, f"{one.start:g}", f"{one.end:g}", f"{one.score:g}", warning])
    return text.getvalue()


def show_time(seconds: float) -> str:
    """Format seconds as "1:05" or "1:00:00", with tenths unless they are zero."""
    tenths = round(seconds * 10)
    whole, part = divmod(tenths, 10)
    hours, rest = divmod(whole, 3600)
    shown = f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
    return shown + (f".{part}" if part else "")
