"""Options shared by several verbs: the run that metrics belong to, and values given per file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, TypeVar

from cli import UserError, Verb, whole_number
from eval import MEAN_SCOPE

Value = TypeVar("Value")


def add_about(verb: Verb) -> None:
    """Add --run, --scope and --seed, which identify a metrics file; `summarise` groups files by them."""
    # The command stores the verb's function under `run`.
    verb.add_argument("--run", dest="run_name", type=_name, metavar="NAME", help="name of the run, for `summarise`")
    verb.add_argument("--scope", type=_scope, metavar="NAME", help="what the run was trained on: all, or a domain")
    verb.add_argument("--seed", type=whole_number(0), metavar="N", help="seed of the run, a whole number from 0")


def read_about(arguments: argparse.Namespace) -> dict[str, Any]:
    """{"run", "scope", "seed", "epoch"}, without the options that were not given."""
    about = {"run": arguments.run_name, "scope": arguments.scope, "seed": arguments.seed}
    about["epoch"] = vars(arguments).get("epoch")  # TVSum's files hold both epochs
    return {key: value for key, value in about.items() if value is not None}


def pick(values: Sequence[Value], index: int, count: int, option: str) -> Value | None:
    """The option's value for file `index` of `count`; None if the option was not given.

    Raises:
        UserError: the number of values differs from the number of files.
    """
    if values and len(values) != count:
        raise UserError(f"{option}: must have one value per file, got {len(values)} for {count} files")
    return values[index] if values else None


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _scope(text: str) -> str:
    if text.startswith(MEAN_SCOPE):
        raise argparse.ArgumentTypeError(f"must not start with {MEAN_SCOPE!r}, which names the rows of means in tables")
    return _name(text)
