"""What a section knows of the run, and the JSON file into which it writes each result at once."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINES = 8
"""Lines of a traceback that are kept: the last ones name the place and the error."""


@dataclass
class Record:
    """Results of one section.

    Attributes:
        file: the JSON file, rewritten at each result.
        work: folder for data that sections share and nobody keeps.
        device: "cuda", or "cpu" in a dry run.
        dry: whether to use the smallest sizes.
        seconds: time that the section has.
        reference: checkout of wjun0830/QD-DETR, if there is one.
        results: what has been measured.
    """

    file: Path
    work: Path
    device: str
    dry: bool
    seconds: float
    reference: Path | None = None
    results: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds left to the section."""
        return self.seconds - (time.monotonic() - self.started)

    def add(self, name: str, value: Any, shown: bool = True) -> None:
        """Keep a result, print it if `shown`, and write the file. Dots in a name separate levels."""
        place = self.results
        *levels, last = name.split(".")
        for level in levels:
            place = place.setdefault(level, {})
        place[last] = value
        if shown:
            say(f"  {name}: {json.dumps(value)}")
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.results), encoding="utf-8")
        part.replace(self.file)

    def attempt(self, name: str, work: Callable[[], Any], needs: float = 0.0) -> Any:
        """Do `work` and keep what it returns, if not None; or note why there is nothing.

        Args:
            needs: seconds that `work` takes at least; with fewer left it is not begun.
        """
        if self.left < needs:
            self.add(name, {"skipped": f"{self.left:.0f} s were left, it needs {needs:.0f}"})
            return None
        try:
            value = work()
        except Exception:
            self.add(name, {"failed": last_lines(traceback.format_exc())})
            return None
        if value is not None:
            self.add(name, value)
        return value


def last_lines(text: str) -> list[str]:
    """The last lines of a traceback or a log, shortened."""
    lines = [line.strip() for line in text.splitlines()]
    return [line[:300] for line in lines if line.strip("^~ ")][-LINES:]


def say(line: str) -> None:
    """Print a line and flush."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
