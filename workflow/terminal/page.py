"""A page of text that a run prints at its end, if the run made it."""

from __future__ import annotations

import sys
from pathlib import Path


class Page:
    """A file, as it is before the first job."""

    def __init__(self, path: Path) -> None:
        self._path, self._before = path, _stamp(path)

    def print_if_new(self) -> None:
        """Print the file, unless it is the one of before: the run was then about something else."""
        now = _stamp(self._path)
        if now is not None and now != self._before:
            sys.stdout.write(f"\n{self._path.read_text(encoding='utf-8')}\n")
            sys.stdout.flush()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
