"""Options of which one belongs to each of several files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from cli import UserError

Value = TypeVar("Value")


def pick(values: Sequence[Value], index: int, count: int, option: str) -> Value | None:
    """What belongs to the file that was chosen out of `count`; None where the option is not given."""
    if values and len(values) != count:
        raise UserError(f"{option}: {len(values)} given for {count} files")
    return values[index] if values else None
