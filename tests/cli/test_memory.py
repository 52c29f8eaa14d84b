"""Freed memory is kept, so that it is taken from the system once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import resource
{set_up}
def take():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(1 << 26)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
take()
print(take())
"""


def _faults(set_up: str) -> int:
    command = [sys.executable, "-c", COUNT.format(set_up=set_up)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_freed_memory_is_used_again() -> None:
    """By networks and encoders on a CPU. 64 MiB are 16,384 pages of 4 KiB, or 32 large ones."""
    assert _faults("") >= 32
    for package in ("model", "feature_extractors.encoders"):
        assert _faults(f"from {package}.device import use_device; use_device('cpu', 1)") < 16


FLAGS = """
import ctypes
from cli.memory import keep_freed_memory
keep_freed_memory(large_pages={wanted})
buffer = (ctypes.c_char * (1 << 26))()
middle = ctypes.addressof(buffer) + (1 << 25)
within = False
for line in open("/proc/self/smaps", encoding="ascii"):
    name, *values = line.split()
    if not name.endswith(":"):
        first, last = (int(address, 16) for address in name.split("-"))
        within = first <= middle < last
    elif within and name == "VmFlags:":
        print("hg" in values)
"""


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="of Linux with large pages")
def test_kept_memory_asks_for_large_pages() -> None:
    """Whether the system grants them depends on how fragmented its memory is, so only the request is tested."""
    for wanted in (True, False):
        command = [sys.executable, "-c", FLAGS.format(wanted=wanted)]
        assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.split() == [str(wanted)]
