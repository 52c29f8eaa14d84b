"""Disks that are full or read-only, and processes without file handles or memory."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import MADE, make
from tests.killing import begin_with
from tests.workflow.workspace import Workspace

# Every further file fails from the `left`-th of the study's that Python opens in a job. Libraries open some themselves.
LIMIT = """
import os
import resource
import sys

left = {left}


def limit(event, arguments):
    global left
    if event != "open" or left <= 0 or not isinstance(arguments[0], (str, bytes)):
        return
    name = os.path.relpath(os.fsdecode(arguments[0]))
    if name.startswith((".", "logs")):
        return
    left -= 1
    if left == 0:
        {impose}


if "--snakefile" not in sys.argv:  # a job
    sys.addaudithook(limit)
"""
HANDLES = """
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
"""
MEMORY = """
        with open("/proc/self/statm") as facts:
            most = int(facts.read().split()[0]) * resource.getpagesize() + {spare}
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""
SPARE = 1 << 20
"""Bytes of address space that are left when memory runs out."""


def disks() -> Iterator[Fault]:
    """Each rule with a full or read-only disk at the folder that it writes to. Needs root, to mount one."""
    for rule, target in MADE.items():
        for what, options in (("full disk", ""), ("read-only disk", "remount,ro")):

            def provoke(workspace: Workspace, target: str = target, options: str = options) -> tuple[str, bool]:
                folder = (workspace.folder / target).parent
                kept = folder.with_name(f"{folder.name}.kept")
                (workspace.folder / target).unlink()
                folder.rename(kept)
                folder.mkdir()
                subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], check=True)
                try:
                    shutil.copytree(kept, folder, dirs_exist_ok=True, symlinks=True)
                    if options:
                        subprocess.run(["mount", "-o", options, folder], check=True)
                    else:
                        subprocess.run(["dd", "if=/dev/zero", f"of={folder}/rest"], capture_output=True, check=False)
                    return make(workspace, target), False
                finally:
                    subprocess.run(["umount", folder], check=True)
                    folder.rmdir()
                    kept.rename(folder)

            yield Fault(f"{what} at `{Path(target).parent}/`", rule, target, provoke)


def limits(seed: int) -> Iterator[Fault]:
    """Each rule without further file handles or memory from one of the first files on that it opens."""
    rng = np.random.default_rng(seed)
    for what, impose in (("file handles", HANDLES), ("memory", MEMORY.format(spare=SPARE))):
        for rule, target in MADE.items():
            left = int(rng.integers(1, 4))
            code = LIMIT.format(left=left, impose=impose.strip())

            def provoke(workspace: Workspace, target: str = target, code: str = code) -> tuple[str, bool]:
                made = workspace.folder / target
                expected = made.read_bytes()
                made.unlink()
                with tempfile.TemporaryDirectory() as hooks:
                    said = make(workspace, target, environment=begin_with(Path(hooks, "hook"), code))
                return said, made.is_file() and made.read_bytes() != expected

            yield Fault(f"no more {what} from file {left} on", rule, target, provoke)
