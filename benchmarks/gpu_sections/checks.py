"""The tests marked `gpu`, in a process of their own, test by test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from benchmarks.gpu_sections.record import Record, say

ROOT = Path(__file__).parents[2]
RESULT = re.compile(r"^(?:tests/)?(\S+::.+?) (PASSED|FAILED|SKIPPED|ERROR)\b")


def measure(record: Record) -> None:
    """Run the tests and record the result of each, and the messages of those that failed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    # A dry run compares the CPU with itself.
    environment["GPU_TESTS_DEVICE"] = record.device
    options = ["-m", "gpu", "-v", "--tb=short", "-rs", "-p", "no:cacheprovider", "--color=no"]
    files = sorted(str(file) for file in (ROOT / "tests").rglob("test_gpu_*.py"))
    command = [sys.executable, "-m", "pytest", *options, *files]
    job = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert job.stdout is not None
    # Interrupted, pytest still prints the messages of the tests that have failed so far.
    interrupt = threading.Timer(max(record.left - 10, 1), job.send_signal, [signal.SIGINT])
    interrupt.daemon = True
    interrupt.start()
    counts: dict[str, int] = {}
    failures: list[str] = []
    for line in job.stdout:
        found = RESULT.match(line)
        if found:
            test, result = found.groups()
            counts[result.lower()] = counts.get(result.lower(), 0) + 1
            if result in ("FAILED", "ERROR"):
                failures.append(test)
                say(f"  {test}: {result}")
            record.add("counts", counts, shown=False)
            record.add("failures", failures, shown=False)
        elif line.startswith(("E  ", "SKIPPED")) or re.match(r"^_+ test_\S+", line):
            say(line.rstrip()[:400])
            record.results.setdefault("messages", []).append(line.strip()[:300])
    record.add("counts", counts)
    record.add("exit_code", job.wait())
    interrupt.cancel()
