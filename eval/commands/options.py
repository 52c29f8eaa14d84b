"""Options that several verbs share: what metrics are of, and what belongs to one of several files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, TypeVar

from cli import UserError, Verb, whole_number
from eval import MEAN_SCOPE

Value = TypeVar("Value")


def add_about(verb: Verb) -> None:
    """Add --run, --scope and --seed: what a metrics file says of itself, by which `summarise` puts runs together."""
    # `run` itself is where the command keeps the function of the verb.
    verb.add_argument("--run", dest="run_name", type=_name, metavar="NAME", help="the run's name, for `summarise`")
    verb.add_argument("--scope", type=_scope, metavar="NAME", help="what it was trained on: all, or a domain")
    verb.add_argument("--seed", type=whole_number(0), metavar="N", help="its seed, a whole number from 0")


def read_about(arguments: argparse.Namespace) -> dict[str, Any]:
    """{"run", "scope", "seed", "epoch"}, those of the options that were given."""
    about = {"run": arguments.run_name, "scope": arguments.scope, "seed": arguments.seed}
    about["epoch"] = vars(arguments).get("epoch")  # TVSum's files hold both epochs
    return {key: value for key, value in about.items() if value is not None}


def pick(values: Sequence[Value], index: int, count: int, option: str) -> Value | None:
    """What belongs to the file that was chosen out of `count`; None where the option is not given.

    Raises:
        UserError: not as many values as files.
    """
    if values and len(values) != count:
        raise UserError(f"{option}: {len(values)} given for {count} files")
    return values[index] if values else None


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must be a name, got none")
    return text


def _scope(text: str) -> str:
    if text.startswith(MEAN_SCOPE):
        raise argparse.ArgumentTypeError(f"must not start with {MEAN_SCOPE!r}, as the rows of means in tables do")
    return _name(text)
