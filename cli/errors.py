"""The error that a command prints as one line instead of a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """A mistake that the user can fix. The message is one line that names the file or key and the cause."""


def one_line(problem: Exception, most: int = 200) -> str:
    """What a library says of a problem, on one line of at most `most` characters.

    Advice to switch safe loading off, which NumPy and torch give about files that hold objects, is not passed on.
    """
    said = str(problem)
    if "allow_pickle" in said or "weights_only" in said:
        return "holds more than numbers and plain values"
    return " ".join(said.split())[:most]


def unknown_key(key: str, known: Iterable[str], under: str = "") -> str:
    """The message for an unknown key below `under`: it names the nearest known key, or all of them if none is near."""
    names = list(known)
    near = difflib.get_close_matches(key, names, n=1)
    place = f" under {under}" if under else ""
    known_ones = f" (known: {', '.join(names)})" if names else ""
    return f"unknown key {key!r}{place}{f': did you mean {near[0]}?' if near else known_ones}"


def no_such(what: str, path: str | Path) -> str:
    """The message for a file or folder that is not there; it says which folder a relative path starts from."""
    start = "" if Path(path).is_absolute() else f" (relative to {Path.cwd()})"
    return f"no such {what}: {path}{start}"
