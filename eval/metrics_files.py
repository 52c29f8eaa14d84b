"""Files of `score`, `score --per-query` and `tvsum` as `summarise` and `tvsum-table` read them: their shapes, checked.

What writes them does not load this module: pydantic takes a tenth of the time of `score`.
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


class Shape(BaseModel):
    """Part of a file. Keys that nothing here asks for are passed over; a value of another type is refused."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Coverage(Shape):
    """How many queries were scored, where they are not all that the ground truth has."""

    queries: Count
    of: Count
    without: list[str] | None = None
    """TVSum's domains that have none."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.queries > self.of:
            raise ValueError("more queries than there are")
        return self


class Labelled(Shape):
    """How many queries each half was scored over, where the others of the ground truth lack labels."""

    moments: Count | None = None
    highlights: Count | None = None
    of: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if max(self.moments or 0, self.highlights or 0) > self.of:
            raise ValueError("more queries than there are")
        return self


class About(Shape):
    """What a file says of itself: the options --run, --scope, --seed and --epoch, and what was scored."""

    run: Name
    scope: Annotated[Name, AfterValidator(_check_scope)] | None = None
    seed: Count | None = None
    epoch: Literal["best", "last"] | None = None
    queries: Count | None = None
    coverage: Coverage | None = None
    labelled: Labelled | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for part, count in ((self.coverage, "queries"), (self.labelled, "of")):
            if part is not None and self.queries not in (None, getattr(part, count)):
                raise ValueError(f"queries is {self.queries}, but another count says {getattr(part, count)}")
        return self


class Part(Shape):
    """The brief metrics of a part of the queries, and how many these are."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: Numbers = Field(init=False)
    queries: Count | None = None


class Metrics(Shape):
    """What `score` and `tvsum` write: official keys below the brief ones are not read."""

    brief: Annotated[Numbers, Field(min_length=1)]
    about: About
    subsets: dict[str, Part] | None = None
    references: dict[str, Numbers] | None = None


class RatedDomains(Shape):
    """What `tvsum` writes, by domain."""

    about: About
    rows: dict[str, dict[str, Numbers]]
    """By prediction or reference, metric, and domain or "mean"."""


class QueryValuesFile(Shape):
    """What `score --per-query` writes: for each key of "brief" a value for each query, None where it does not count."""

    qids: list[Annotated[Any, AfterValidator(_check_qid)]]
    values: dict[str, list[Number | None]]
    about: About


AnyShape = TypeVar("AnyShape", bound=Shape)


def check_shape(shape: type[AnyShape], content: Row, name: str, what: str = "") -> AnyShape:
    """The content of a file in a shape.

    Raises:
        UserError: it does not fit; names the file, the first key at fault and its value. `what` comes before the key.
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
    """(name for messages, content) of JSON files."""
    return [(str(path), read_object(path)) for path in paths]
