"""Processes that run the jobs of one checkout each, with that checkout's own environment if it has one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("worker.py")


class Process:
    """A running worker.

    Attributes:
        cpu: CPU seconds that it has used so far.
    """

    def __init__(self, checkout: Path, folder: Path, threads: int, reference: Path | None = None) -> None:
        own = checkout / ".venv/bin/python"
        python = str(own) if own.exists() and checkout != WORKER.parents[2] else sys.executable
        command = [python, str(WORKER), str(checkout), str(folder), str(threads)]
        command += [] if reference is None else [str(reference)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment |= {"OMP_NUM_THREADS": str(threads), "PYTHONDONTWRITEBYTECODE": "1"}
        self._checkout = checkout
        self._running = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
        )
        self.cpu = 0.0

    def ask(self, do: str, recipe: str, what: str) -> Any:
        """Let it run or count a job.

        Raises:
            SystemExit: it ended; its own message is above.
        """
        asked, answers = self._running.stdin, self._running.stdout
        if asked is None or answers is None:
            raise RuntimeError("started without pipes")
        try:
            asked.write(json.dumps({"do": do, "recipe": recipe, "what": what}) + "\n")
            asked.flush()
            answer = json.loads(answers.readline() or "null")
        except BrokenPipeError:
            answer = None
        if answer is None:
            raise SystemExit(f"{self._checkout}: {recipe} {what} failed")
        self.cpu = answer["cpu"]
        return answer["result"]

    def close(self) -> None:
        """End it."""
        if self._running.stdin is not None:
            self._running.stdin.close()
        self._running.wait()
