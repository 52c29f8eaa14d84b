"""What the page shows of a whole study: the table of runs, training curves, TVSum's domains, figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from eval.explorer.answers import Patterns
from eval.explorer.links import relative_url
from eval.metrics_files import Number, Shape, check_shape
from eval.study.run_table import DIGITS
from formats.rows import Row, iterate_rows, read_object

BEST_BY = ("MR-full-mAP", "HL-min-VeryGood-mAP", "mAP")
"""The metric whose curve is drawn: the first of these in a history."""


class Spread(Shape):
    """A mean over seeds, its standard deviation, and an interval over queries."""

    mean: Number | None
    sd: float | None = None
    interval: list[float] | None = Field(default=None, min_length=2, max_length=2)


class Column(Shape):
    """A column of the table of runs."""

    key: str
    label: str


class RunRow(Shape):
    """A row of the table of runs."""

    run: str
    scope: str
    baseline: bool
    seeds: list[Any]
    values: dict[str, Spread | None]


class Summary(Shape):
    """The file of `summarise`."""

    columns: list[Column]
    rows: list[RunRow]


class DomainRow(Shape):
    """A row of TVSum's table: a run and epoch, or a reference (without an epoch)."""

    run: str
    epoch: str | None
    values: dict[str, dict[str, Spread | None]]


class Domains(Shape):
    """The file of `tvsum-table`."""

    domains: list[str]
    rows: list[DomainRow]


def describe_runs(path: Path) -> dict[str, Any]:
    """The table of `summarise`, checked."""
    summary = check_shape(Summary, read_object(path), str(path))
    columns = [{**column.model_dump(), "digits": DIGITS.get(column.key, 1)} for column in summary.columns]
    return {"columns": columns, "rows": [row.model_dump() for row in summary.rows]}


def describe_domains(path: Path) -> dict[str, Any]:
    """The top-5 mAP by domain of `tvsum-table`, checked: runs, and references such as chance."""
    table = check_shape(Domains, read_object(path), str(path))
    rows = [
        {"name": row.run, "epoch": row.epoch, "values": {key: one and one.model_dump() for key, one in scores.items()}}
        for row in table.rows
        if (scores := row.values.get("mAP"))
    ]
    return {"domains": table.domains, "rows": rows}


def describe_training(runs: Sequence[tuple[str, str]], patterns: Patterns) -> list[dict[str, Any]]:
    """Loss and main validation metric by epoch, of each run's first seed and scope with a history."""
    found = []
    for run, _ in runs:
        files = patterns.files(patterns.history, run, patterns.seeds[0])
        rows = next((rows for path in files if (rows := [row for _, row in iterate_rows(path)])), [])
        metric = next((key for key in BEST_BY for row in rows if _number(row, "val", key) is not None), None)
        if rows:
            found.append(
                {
                    "run": run,
                    "metric": metric,
                    "epochs": [row.get("epoch") for row in rows],
                    "loss": [_number(row, "train", "loss") for row in rows],
                    "score": [_number(row, "val", metric or "") for row in rows],
                }
            )
    return found


def describe_figures(figures: Sequence[tuple[str, str]], page: Path) -> list[dict[str, str]]:
    """Pictures (file, caption) to show, by addresses relative to the page."""
    return [{"url": relative_url(Path(file), page), "caption": caption} for file, caption in figures]


def _number(row: Row, part: str, key: str) -> float | None:
    values = row.get(part)
    value = values.get(key) if isinstance(values, dict) else None
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return round(float(value), 5) if usable else None  # type: ignore[arg-type] # checked above
