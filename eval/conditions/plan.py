"""The plan of a comparison under conditions: which run predicted what, as the workflow hands it over."""

from __future__ import annotations

import json

from pydantic import Field

from cli import UserError
from eval.metrics_files import Shape, check_shape


class PlannedRun(Shape):
    """A run that is compared."""

    name: str
    label: str = ""
    """A few words on it."""
    like: str = ""
    """The run that it differs from in one detail alone: it is drawn in that run's colour, dashed."""


class PlannedCondition(Shape):
    """What varies."""

    name: str
    label: str
    split: str
    level_key: str = ""
    """Annotation key that holds the level of each query; empty if the cells say the level."""


class PlannedCell(Shape):
    """A run at a level of a condition."""

    run: str
    condition: str
    level: float | None
    name: str
    """The run whose predictions these are."""


class Plan(Shape):
    """Runs crossed with conditions."""

    runs: list[PlannedRun]
    conditions: list[PlannedCondition]
    cells: list[PlannedCell]
    against: list[str] = Field(default_factory=list)
    """The runs that each of the others is compared with."""
    seeds: list[int]


def read_plan(text: str) -> Plan:
    """Read a plan from its JSON.

    Raises:
        UserError: it is malformed, or a cell names a condition that it does not have.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as problem:
        raise UserError(f"--plan: not JSON: {problem}") from None
    plan = check_shape(Plan, content, "--plan")
    names = {condition.name for condition in plan.conditions}
    unknown = [cell.condition for cell in plan.cells if cell.condition not in names]
    if unknown:
        raise UserError(f"--plan: cells: {unknown[0]!r} is not one of the conditions")
    return plan
