"""Processes that encode media end with the one that started them, and say if one of them was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Each worker kills a process of the two and then waits for ever, as one does that has no more work.
PROGRAM = """
import os, signal, sys, threading
from demo.crew import encode_all

def encode(which):
    os.kill(os.getppid() if which == "parent" else os.getpid(), signal.SIGKILL)
    threading.Event().wait()

if __name__ == "__main__":
    from cli import UserError
    try:
        encode_all(encode, [sys.argv[1]], 2, "videos")
    except UserError as problem:
        sys.exit(str(problem))
"""


@pytest.mark.parametrize(
    ("which", "status", "message"),
    [("parent", -signal.SIGKILL, ""), ("worker", 1, "videos: one of 2 processes was killed, perhaps because memory")],
)
def test_no_process_stays_behind(tmp_path: Path, which: str, status: int, message: str) -> None:
    """`run` returns when every process that holds the pipe has ended; the limit is for a machine where one does not."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program), which],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status
    assert message in done.stderr and "Traceback" not in done.stderr
