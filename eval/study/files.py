"""Files of `score` and `tvsum`, checked and grouped by run, scope and seed for `summarise`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cli import UserError
from eval.metrics_files import About, Metrics, QueryValuesFile, check_shape
from formats.rows import Row

Cell = tuple[str, str]
"""A run (with its epoch, if given) and a scope."""


@dataclass(frozen=True)
class Record:
    """One file, with the values of its "about"."""

    name: str
    """Name of the file."""
    seed: int | None
    coverage: tuple[int, int] | None
    """(queries scored, queries of the ground truth), None if all were scored."""
    labelled: dict[str, int] | None
    """Number of queries that "moments" and "highlights" were scored over, and total "of"; None if all have labels."""
    queries: int | None
    """Number of queries scored, None if the file does not say."""
    content: Row


Cells = dict[Cell, dict[int | None, Record]]
"""By run and scope, then by seed."""


def collect(
    files: Sequence[tuple[str, Row]], holds: Literal["brief", "values"]
) -> dict[Cell, dict[int | None, Record]]:
    """Group (file name, content) by (run, scope) and seed, with seeds sorted and epochs of a run together.

    `holds` is the key that marks the kind of file: "brief" for metrics, "values" for files of `score --per-query`.

    Raises:
        UserError: a file is of another kind, a key is invalid (named with its file), the name of the run is missing, or
            two files have the same run, scope and seed.
    """
    cells: Cells = {}
    runs: dict[Cell, str] = {}
    for name, content in files:
        about = _check(name, content, holds)
        run = about.run if about.epoch is None else f"{about.run} ({about.epoch} epoch)"
        cell = run, about.scope or "all"
        seeds = cells.setdefault(cell, {})
        if about.seed in seeds:
            seed = f", seed {about.seed}" if about.seed is not None else ""
            raise UserError(f"{name}: run {run}, scope {cell[1]}{seed} is also in {seeds[about.seed].name}")
        partial = about.coverage if about.coverage and about.coverage.queries != about.coverage.of else None
        coverage = (partial.queries, partial.of) if partial else None
        labelled = about.labelled.model_dump(exclude_none=True) if about.labelled else None
        seeds[about.seed] = Record(name, about.seed, coverage, labelled, about.queries, content)
        runs[cell] = about.run
    given = list(runs.values())
    return {
        cell: dict(sorted(cells[cell].items(), key=lambda item: (item[0] is not None, item[0] or 0)))
        for cell in sorted(cells, key=lambda cell: given.index(runs[cell]))
    }


def _check(name: str, content: Row, holds: str) -> About:
    if holds not in content:
        what = "a metrics file" if holds == "brief" else "a file of `score --per-query`"
        raise UserError(f"{name}: not {what}: {holds!r} is missing")
    about = content.get("about")
    if about is None or (isinstance(about, dict) and not about.get("run")):
        raise UserError(f"{name}: does not name its run: score it again with --run NAME")
    if holds == "brief":
        return check_shape(Metrics, content, name).about
    return check_shape(QueryValuesFile, content, name).about
