"""Files of `score` and `tvsum` as `summarise` takes them in: their shape checked once, by run, scope and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cli import UserError
from eval import MEAN_SCOPE
from formats.annotations import Qid
from formats.rows import Row, shorten

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


def _check_scope(scope: str) -> str:
    if scope.startswith(MEAN_SCOPE):
        raise ValueError(f"must not start with {MEAN_SCOPE!r}, as the rows of means do")
    return scope


def _check_qid(qid: Any) -> Qid:
    if isinstance(qid, bool) or not isinstance(qid, int | str):
        raise ValueError("must be a whole number or a string")
    return qid


# Percent, or a correlation.
Number = Annotated[float, Field(allow_inf_nan=False, ge=-100, le=100)]
Numbers = dict[str, Number | None]
Count = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Coverage(_Shape):
    queries: Count
    of: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.queries > self.of:
            raise ValueError("more queries than there are")
        return self


class _Labelled(_Shape):
    moments: Count | None = None
    highlights: Count | None = None
    of: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if max(self.moments or 0, self.highlights or 0) > self.of:
            raise ValueError("more queries than there are")
        return self


class _About(_Shape):
    run: Name
    scope: Annotated[Name, AfterValidator(_check_scope)] | None = None
    seed: Count | None = None
    epoch: Literal["best", "last"] | None = None
    queries: Count | None = None
    coverage: _Coverage | None = None
    labelled: _Labelled | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for part, count in ((self.coverage, "queries"), (self.labelled, "of")):
            if part is not None and self.queries not in (None, getattr(part, count)):
                raise ValueError(f"queries is {self.queries}, but another count says {getattr(part, count)}")
        return self


class _Part(_Shape):
    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: Numbers = Field(init=False)
    queries: Count | None = None


class _Metrics(_Shape):
    brief: Annotated[Numbers, Field(min_length=1)]
    about: _About
    subsets: dict[str, _Part] | None = None
    references: dict[str, Numbers] | None = None


class _Values(_Shape):
    qids: list[Annotated[Any, AfterValidator(_check_qid)]]
    values: dict[str, list[Number | None]]
    about: _About


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


def _check(name: str, content: Row, holds: str) -> _About:
    if holds not in content:
        what = "a metrics file" if holds == "brief" else "a file of `score --per-query`"
        raise UserError(f"{name}: not {what}: has no {holds!r}")
    about = content.get("about")
    if about is None or (isinstance(about, dict) and not about.get("run")):
        raise UserError(f"{name}: does not say which run it is of: score it with --run NAME")
    try:
        return (_Metrics if holds == "brief" else _Values).model_validate(content).about
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = "must be an object" if first["type"] == "model_type" else first["msg"].removeprefix("Value error, ")
        raise UserError(f"{name}: {key}: {message}, got {shorten(first['input'])}") from None
