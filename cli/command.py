"""One argument parser a package: `python -m PACKAGE VERB`, and one clear line for a user's mistake."""

from __future__ import annotations

import argparse
import inspect
import logging
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn


class UserError(Exception):
    """Something the user can mend. The message is one line that names the file or key and the cause."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


class Command:
    """The verbs of one package.

    Each verb is a function that takes the parsed arguments and may return an exit status; what it raises as `UserError`
    or `OSError` is printed as one line on stderr, with exit status 1. Wrong arguments exit with status 2.
    """

    def __init__(self, package: str, description: str) -> None:
        self._parser = _Parser(prog=f"python -m {package}", description=description)
        self._verbs = self._parser.add_subparsers(metavar="VERB", required=True)

    def verb(self, name: str, run: Callable[[argparse.Namespace], int | None]) -> argparse.ArgumentParser:
        """Add a verb; its help is the docstring of `run`. Returns the parser to add arguments to."""
        text = inspect.cleandoc(run.__doc__ or "")
        formatter = argparse.RawDescriptionHelpFormatter
        parser = self._verbs.add_parser(name, help=text.splitlines()[0], description=text, formatter_class=formatter)
        parser.set_defaults(_run=run, _prog=parser.prog)
        return parser

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Run one verb; returns the exit status."""
        parsed = self._parser.parse_args(arguments)
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
        try:
            status: int | None = parsed._run(parsed)
        except (UserError, OSError) as problem:
            line = " ".join(_describe(problem).split())
            sys.stderr.write(f"{parsed._prog}: error: {line}\n")
            return 1
        return status or 0


def _describe(problem: Exception) -> str:
    """`/out/a.json: permission denied` rather than `[Errno 13] Permission denied: '/out/a.json'`."""
    if isinstance(problem, OSError) and problem.filename is not None and problem.strerror:
        return f"{problem.filename}: {problem.strerror.lower()}"
    return str(problem)
