"""The tests marked `gpu`, in a process of their own, test by test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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
    counts: dict[str, int] = {}
    failures: list[str] = []
    for line in job.stdout:
        found = RESULT.match(line)
        if found:
            test, result = found.groups()
            counts[result.lower()] = counts.get(result.lower(), 0) + 1
            if result in ("FAILED", "ERROR"):
                failures.append(test)
            record.add("counts", counts)
            record.add("failures", failures)
        elif line.startswith(("E  ", "SKIPPED")) or re.match(r"^_+ test_\S+", line):
            say(line.rstrip()[:400])
            record.results.setdefault("messages", []).append(line.strip()[:300])
    record.add("exit_code", job.wait())
