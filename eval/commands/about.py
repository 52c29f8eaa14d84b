"""What a metrics file says of itself: the run, scope, seed and epoch that `summarise` puts together."""

from __future__ import annotations

import argparse
from typing import Any

from cli import Verb, whole_number
from eval import MEAN_SCOPE


def read_about(arguments: argparse.Namespace) -> dict[str, Any]:
    """The values of the options that were given."""
    about = {"run": arguments.run_name, "scope": arguments.scope, "seed": arguments.seed}
    about["epoch"] = vars(arguments).get("epoch")  # TVSum's files hold both epochs
    return {key: value for key, value in about.items() if value is not None}


def add_about(verb: Verb) -> None:
    """Add the options to a verb."""
    # `run` itself is where the command keeps the function of the verb.
    verb.add_argument("--run", dest="run_name", type=_name, metavar="NAME", help="the run's name, for `summarise`")
    verb.add_argument("--scope", type=_scope, metavar="NAME", help="what it was trained on: all, or a domain")
    verb.add_argument("--seed", type=whole_number(0), metavar="N", help="its seed, a whole number from 0")


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must be a name, got none")
    return text


def _scope(text: str) -> str:
    if text.startswith(MEAN_SCOPE):
        raise argparse.ArgumentTypeError(f"must not start with {MEAN_SCOPE!r}, as the rows of means in tables do")
    return _name(text)
