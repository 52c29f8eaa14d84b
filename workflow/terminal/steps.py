"""One plain line per job, with the steps done so far, in place of Snakemake's own lines.

Snakemake reports its events as log records (the interface of its logger plugins). A plugin would have to be installed
as a package of its own; a handler that the Snakefile adds needs nothing.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Collection
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

LAST_LINES = 20
"""Lines of a failed job's log to show."""


class StepLines(logging.Handler):
    """Prints a line when a job starts: "12 of 54 steps,  1:35  Training run base, seed 2018"."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.INFO)
        self._stream, self._clock = stream or sys.stderr, clock
        self._began = clock()
        self._done = self._total = 0
        self._messages: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Print what a record calls for; most call for nothing."""
        fields = record.__dict__
        event = getattr(fields.get("event"), "name", "")  # of Snakemake's LogEvent
        if event == "RUN_INFO":
            self._total = fields["stats"]["total"]
        elif event == "PROGRESS":
            self._done, self._total = fields["done"], fields["total"]
            if self._done == self._total:
                self._print(self._place())
        elif event == "JOB_INFO":
            self._start(fields)
        elif event == "JOB_ERROR":
            self._fail(fields)
        elif record.getMessage().startswith("Nothing to be done"):
            self._print(record.getMessage())

    def _start(self, job: dict[str, Any]) -> None:
        if not job["output"]:  # a target such as `all`: nothing runs
            return
        what = " ".join((job["rule_msg"] or job["rule_name"]).split())
        self._messages[job["jobid"]] = what
        self._print(f"{self._place()}  {what}")

    def _fail(self, job: dict[str, Any]) -> None:
        self._print(f"failed: {self._messages.get(job['jobid'], job['rule_name'])} (rule {job['rule_name']})")
        for file in map(Path, job["log"]):
            if file.is_file():
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
                cut = f", the last {LAST_LINES} of {len(lines)} lines" if len(lines) > LAST_LINES else ""
                self._print("\n".join([f"{file}{cut}:", *(f"    {line}" for line in lines[-LAST_LINES:])]))

    def _place(self) -> str:
        seconds = int(self._clock() - self._began)
        hours, rest = divmod(seconds, 3600)
        spent = f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
        return f"{self._done:>{len(str(self._total))}} of {self._total} steps, {spent:>5}"

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def show_steps(logger: logging.Logger, quiet: Collection[Enum] | None) -> None:
    """Print a line per job if Snakemake was asked to be quiet about rules (`--quiet rules`); else change nothing.

    Of Snakemake's own lines, warnings and errors stay. With `--quiet progress` Snakemake does not count the steps, and
    then nothing is printed.

    Args:
        logger: Snakemake's.
        quiet: what `--quiet` names; None without the option.
    """
    if {what.name for what in quiet or ()} & {"RULES", "PROGRESS", "ALL"} != {"RULES"}:
        return
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.WARNING)
            # The failed command, whose job has a line of its own.
            handler.addFilter(lambda record: getattr(record, "exception", "") != "RuleException")
    logger.addHandler(StepLines())
