"""Files of `score` and `tvsum` as `summarise` takes them in: their shape checked once, by run, scope and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cli import UserError
from eval.metrics_files import About, Metrics, QueryValuesFile, check_shape
from formats.rows import Row

Cell = tuple[str, str]
"""A run (with its epoch, if the files say one) and a scope."""


@dataclass(frozen=True)
class Record:
    """One file, and what its "about" says it is of."""

    name: str
    """Of the file."""
    seed: int | None
    coverage: tuple[int, int] | None
    """(queries that were scored, queries of the ground truth), None where all were."""
    labelled: dict[str, int] | None
    """Queries that "moments" and "highlights" were scored over, "of" how many; None where all have labels."""
    queries: int | None
    """How many were scored, if the file says so."""
    content: Row


Cells = dict[Cell, dict[int | None, Record]]
"""By run and scope, then by seed."""


def collect(
    files: Sequence[tuple[str, Row]], holds: Literal["brief", "values"]
) -> dict[Cell, dict[int | None, Record]]:
    """(file name, content) by (run, scope) and seed, seeds in order, epochs of a run together.

    `holds` tells the kind of file: metrics hold "brief", files of `score --per-query` hold "values".

    Raises:
        UserError: another kind of file, a key of the wrong shape (named with its file), one that does not say which run
            it is of, or two of the same run, scope and seed.
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
        raise UserError(f"{name}: not {what}: has no {holds!r}")
    about = content.get("about")
    if about is None or (isinstance(about, dict) and not about.get("run")):
        raise UserError(f"{name}: does not say which run it is of: score it with --run NAME")
    if holds == "brief":
        return check_shape(Metrics, content, name).about
    return check_shape(QueryValuesFile, content, name).about
