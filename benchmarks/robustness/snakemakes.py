"""Snakemake killed, which leaves its jobs alive, and two Snakemakes in one folder."""

from __future__ import annotations

import os
import select
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import MADE, begin, make
from tests.killing import begin_with
from tests.workflow.workspace import Workspace

# The job that is about to put the `count`-th file called NAME (any file, without a name) in place sends Snakemake a
# signal. With `held` it says so through the pipe `alive`, which stays open to its end, and waits for the pipe `gate`.
HOOK = """
import os
import sys

folder, rename = {folder!r}, os.replace


def replace(source, target, **options):
    if {name!r} in ("", os.path.basename(os.fspath(target))):
        count = os.path.join(folder, "count")
        with open(count, "a") as written:
            written.write(".")
        if os.path.getsize(count) == {count}:
            if {held}:
                os.write(os.open(os.path.join(folder, "alive"), os.O_WRONLY), b".")
            with open(os.path.join(folder, "pid")) as file:
                os.kill(int(file.read()), {by})
            if {held}:
                os.close(os.open(os.path.join(folder, "gate"), os.O_RDONLY))
    rename(source, target, **options)


if "--snakefile" in sys.argv:
    with open(os.path.join(folder, "pid"), "w") as file:
        file.write(str(os.getpid()))
else:
    os.replace = replace
"""


class Held:
    """A folder for the hook, and a job that waits in it."""

    def __init__(self, folder: Path, name: str, by: int, count: int = 1, held: bool = True) -> None:
        self._folder = folder
        self.environment = begin_with(
            folder / "hook", HOOK.format(folder=str(folder), name=name, count=count, held=held, by=by)
        )
        os.mkfifo(folder / "alive")
        os.mkfifo(folder / "gate")
        self._alive = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)

    def wait(self, snakemake: int) -> bool:
        """Wait until the job waits, or that process ends; whether the job does."""
        end = os.pidfd_open(snakemake)
        select.select([self._alive, end], [], [])
        os.close(end)
        return bool(select.select([self._alive], [], [], 0)[0]) and os.read(self._alive, 1) == b"."

    def release(self) -> None:
        """Let the job go on, and wait for its end."""
        os.close(os.open(self._folder / "gate", os.O_WRONLY))
        os.set_blocking(self._alive, True)
        while os.read(self._alive, 1):
            pass
        os.close(self._alive)


def without_snakemake(seed: int) -> Iterator[Fault]:
    """Snakemake killed while each rule writes, with the job alive when the command is run again; told to end; twice."""
    for rule, target in MADE.items():
        what = f"`kill -9` of Snakemake while `{Path(target).name}` is written; run again while its job lives"
        yield Fault(what, rule, target, interfere(target, signal.SIGKILL))
    for rule in ("manifest", "encode", "train", "score"):
        yield Fault("two Snakemakes in one folder", rule, MADE[rule], interfere(MADE[rule], 0, unlock=False))
        what = "two Snakemakes in one folder, unlocked"
        yield Fault(what, rule, MADE[rule], interfere(MADE[rule], 0))
    for rule in ("media", "encode", "train", "infer_gated", "score", "summarise", "plot_summary"):
        what = f"`kill` of Snakemake while `{Path(MADE[rule]).name}` is written"
        yield Fault(what, rule, MADE[rule], _told_to_end(MADE[rule]))
    moments = sorted(int(moment) for moment in np.random.default_rng(seed).integers(1, 12, 6))
    what = f"`kill -9` of Snakemake {len(moments)} times in one run, when files {moments} from its start are written"
    yield Fault(what, "all", "all", _again_and_again(moments), afresh=True)


def interfere(target: str, by: int, unlock: bool = True) -> Callable[[Workspace], tuple[str, bool]]:
    """Run a target while another run's job is about to put it in place, and then let that one go on.

    Args:
        by: the signal that the first Snakemake gets before; 0 for none.
        unlock: whether the second one first breaks the lock.
    """

    def provoke(workspace: Workspace) -> tuple[str, bool]:
        made = workspace.folder / target
        expected = made.read_bytes()
        made.unlink()
        with tempfile.TemporaryDirectory() as folder, Path(folder, "said.txt").open("w+", encoding="utf-8") as log:
            held = Held(Path(folder), made.name, by)
            first = begin(workspace, target, held.environment, log)
            if not held.wait(first.pid):
                first.wait()
                log.seek(0)
                return f"{log.read()}\nError: no job came to that write", False
            if by:
                first.wait()
            if unlock:
                workspace.snakemake("--unlock", target)
            said = make(workspace, target)
            held.release()
            first.wait()
        return said, made.is_file() and made.read_bytes() != expected

    return provoke


def _told_to_end(target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        made = workspace.folder / target
        expected = made.read_bytes()
        made.unlink()
        with tempfile.TemporaryDirectory() as folder:
            held = Held(Path(folder), made.name, signal.SIGTERM, held=False)
            said = make(workspace, target, environment=held.environment)
        return said, made.is_file() and made.read_bytes() != expected

    return provoke


def _again_and_again(moments: list[int]) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        for name in ("data", "features", "manifests", "plots", "reports", "results", "runs", "weights"):
            (workspace.folder / name).rename(workspace.folder / f".{name}")
        said = ""
        for moment in moments:
            with tempfile.TemporaryDirectory() as folder:
                held = Held(Path(folder), "", signal.SIGKILL, moment, held=False)
                said += make(workspace, "all", environment=held.environment)
            workspace.snakemake("--unlock", "all")
        return said, False

    return provoke
