"""Read labelled spans from tables of text: of your own, of the verb `rank`, or of LosslessCut."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from cli import UserError
from cli.errors import one_line
from feature_extractors.annotations.spans import Span, read_seconds

_NAMES = {
    "video": ("video", "vid", "file"),
    "query": ("query", "label", "name"),
    "start": ("start", "start_s"),
    "end": ("end", "end_s"),
}
"""Heads of the columns; the case does not matter."""


def read_spans(path: Path) -> Iterator[Span]:
    """Yield the spans of a table with commas, semicolons or tabs between its columns.

    Its first line has the heads `video`, `query`, `start`, `end` in any order, among others. Without a column `video`,
    the spans are of the video with the table's own name. Without heads, the columns are start, end and label, as
    LosslessCut writes them; an empty start or end is that of the video there.

    Raises:
        UserError: not such a table, or a malformed line; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    first = text.partition("\n")[0]
    mark = max("\t;,", key=first.count)
    lines = csv.reader(text.splitlines(keepends=True), delimiter=mark, strict=True)
    columns: dict[str, int] | None = None
    try:
        for cells in lines:
            where = f"{path}: line {lines.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _find_columns(cells, where)
                if columns:
                    continue
                columns = {"start": 0, "end": 1, "query": 2}
            if len(cells) <= max(columns.values()):
                raise UserError(f"{where}: has {len(cells)} columns, needs {max(columns.values()) + 1}")
            start, end = cells[columns["start"]], cells[columns["end"]]
            yield Span(
                video=cells[columns["video"]].strip() if "video" in columns else path.stem,
                query=cells[columns["query"]],
                start=read_seconds(start, where) if start.strip() else 0.0,
                end=read_seconds(end, where) if end.strip() else None,
                where=where,
            )
    except csv.Error as problem:
        raise UserError(f"{path}: line {lines.line_num}: not a table: {one_line(problem)}") from None


def _find_columns(heads: list[str], where: str) -> dict[str, int]:
    """The place of each column by its heading; empty for three columns without any heading."""
    plain = [head.strip().lower() for head in heads]
    found = {
        column: next(plain.index(name) for name in names if name in plain)
        for column, names in _NAMES.items()
        if any(name in plain for name in names)
    }
    if not found and len(heads) == 3:
        return {}
    missing = [column for column in ("query", "start", "end") if column not in found]
    if missing:
        raise UserError(f"{where}: needs a column {missing[0]} (heads: video, query, start, end)")
    return found
