"""Jobs that are killed, or told to end, while they write."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import MADE, make
from tests.killing import kill_at
from tests.workflow.workspace import Workspace

HOW = {signal.SIGKILL: "`kill -9`", signal.SIGTERM: "`kill`"}


def ends() -> Iterator[Fault]:
    """Each rule ended by either signal when an output is written, but has not got its name yet."""
    for by, how in HOW.items():
        for rule, target in MADE.items():

            def provoke(workspace: Workspace, target: str = target, by: signal.Signals = by) -> tuple[str, bool]:
                (workspace.folder / target).unlink()
                with tempfile.TemporaryDirectory() as hooks:
                    environment = kill_at(Path(hooks, "hook"), Path(target).name, before=True, by=by)
                    return make(workspace, target, environment=environment), False

            yield Fault(f"{how} while `{Path(target).name}` is written", rule, target, provoke)
