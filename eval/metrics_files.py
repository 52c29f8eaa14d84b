"""Schemas of the files of `score`, `score --per-query` and `tvsum`, which `summarise` and `tvsum-table` read.

The verbs that write these files do not import this module: loading pydantic would take a tenth of the time of `score`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cli import UserError
from eval import MEAN_SCOPE
from formats.annotations import Qid
from formats.rows import Row, read_object, shorten


def _check_scope(scope: str) -> str:
    if scope.startswith(MEAN_SCOPE):
        raise ValueError(f"must not start with {MEAN_SCOPE!r}, which names the rows of means")
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


class Shape(BaseModel):
    """Part of a file. Unknown keys are ignored; a value of the wrong type is an error."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Coverage(Shape):
    """Number of queries scored, if these are not all queries of the ground truth."""

    queries: Count
    of: Count
    without: list[str] | None = None
    """TVSum domains of which no video was scored."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.queries > self.of:
            raise ValueError("'queries' must not be greater than 'of'")
        return self


class Labelled(Shape):
    """Number of queries that moments and highlights were scored over, if the other queries have no labels."""

    moments: Count | None = None
    highlights: Count | None = None
    of: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if max(self.moments or 0, self.highlights or 0) > self.of:
            raise ValueError("'moments' and 'highlights' must not be greater than 'of'")
        return self


class About(Shape):
    """Origin of a metrics file: the options --run, --scope, --seed and --epoch, and which queries were scored."""

    run: Name
    scope: Annotated[Name, AfterValidator(_check_scope)] | None = None
    seed: Count | None = None
    epoch: Literal["best", "last"] | None = None
    queries: Count | None = None
    coverage: Coverage | None = None
    labelled: Labelled | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, count in (("coverage", "queries"), ("labelled", "of")):
            part = getattr(self, key)
            if part is not None and self.queries not in (None, getattr(part, count)):
                raise ValueError(f"queries is {self.queries}, but {key}.{count} is {getattr(part, count)}")
        return self


class Part(Shape):
    """Brief metrics of a part of the queries, and the number of these queries."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: Numbers = Field(init=False)
    queries: Count | None = None


class Metrics(Shape):
    """A metrics file of `score` or `tvsum`. The detailed official keys next to "brief" are not read."""

    brief: Annotated[Numbers, Field(min_length=1)]
    about: About
    subsets: dict[str, Part] | None = None
    references: dict[str, Numbers] | None = None


class RatedDomains(Shape):
    """A metrics file of `tvsum`, with its values per domain."""

    about: About
    rows: dict[str, dict[str, Numbers]]
    """By prediction or reference, then by metric, then by domain (or "mean")."""


class QueryValuesFile(Shape):
    """A file of `score --per-query`: per key of "brief" one value per query, None if the query does not count."""

    qids: list[Annotated[Any, AfterValidator(_check_qid)]]
    values: dict[str, list[Number | None]]
    about: About


AnyShape = TypeVar("AnyShape", bound=Shape)


def check_shape(shape: type[AnyShape], content: Row, name: str, what: str = "") -> AnyShape:
    """Validate the content of a file.

    Raises:
        UserError: the content is invalid. The message names the file, the first invalid key and its value; `what` comes
            before the key.
    """
    try:
        return shape.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = "must be an object" if first["type"] == "model_type" else first["msg"].removeprefix("Value error, ")
        got = "" if first["type"] == "missing" else f", got {shorten(first['input'])}"
        raise UserError(f"{name}: {what}{key}: {message}{got}") from None


def read_named(paths: Sequence[Path]) -> list[tuple[str, Row]]:
    """Read JSON files as (name for messages, content)."""
    return [(str(path), read_object(path)) for path in paths]
