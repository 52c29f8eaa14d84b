"""Files dated wrongly, and machines whose clocks differ."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import MADE, READ, make
from tests.killing import begin_with
from tests.workflow.workspace import Workspace

DAY = 86_400
# Jobs on a machine whose clock is off: what they put in place is dated by it.
OFF = """
import os
import sys
import time

rename = os.replace


def replace(source, target, **options):
    rename(source, target, **options)
    moment = time.time() + {seconds}
    os.utime(target, (moment, moment))


if "--snakefile" not in sys.argv:
    os.replace = replace
"""


def dates() -> Iterator[Fault]:
    """Files of each kind dated a day ahead, and jobs on machines whose clocks are a day behind or ahead."""
    videos = {"data/demo/videos/demo_000.mp4": ("encode", "features/demo/clip_visual/000.h5")}
    for name, (rule, target) in {**videos, **READ}.items():
        yield Fault(f"`{name}` is dated a day ahead", rule, target, _ahead(name, target))
    for what, seconds in (("behind", -DAY), ("ahead", DAY)):
        for rule in ("manifest", "encode", "train", "score"):
            yield Fault(f"the clock of the job's machine is a day {what}", rule, MADE[rule], _off(MADE[rule], seconds))


def _ahead(name: str, target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        file, made = workspace.folder / name, workspace.folder / target
        facts, expected = file.stat(), made.read_bytes()
        os.utime(file, (time.time() + DAY,) * 2)
        said = make(workspace, target)
        unnoticed = not made.is_file() or made.read_bytes() != expected
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        return said, unnoticed

    return provoke


def _off(target: str, seconds: int) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        made = workspace.folder / target
        expected = made.read_bytes()
        made.unlink()
        with tempfile.TemporaryDirectory() as hooks:
            code = OFF.format(seconds=seconds)
            said = make(workspace, target, environment=begin_with(Path(hooks, "hook"), code))
        said += make(workspace, target)
        return said, not made.is_file() or made.read_bytes() != expected

    return provoke
