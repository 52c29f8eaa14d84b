"""Freed memory is kept, so that it is taken from the system once."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT = """
import resource
from model.memory import keep_freed_memory
if {kept}:
    keep_freed_memory()
def take():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(1 << 26)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
take()
print(take())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_freed_memory_is_used_again() -> None:
    """64 MiB are 16,384 pages of 4 KiB, or 32 large ones."""
    faults = [
        int(subprocess.run([sys.executable, "-c", COUNT.format(kept=kept)], capture_output=True, check=True).stdout)
        for kept in (False, True)
    ]
    assert faults[0] >= 32
    assert faults[1] < 16
