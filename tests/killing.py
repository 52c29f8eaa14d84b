"""Processes that end by a signal at a chosen write, and other code at the start of every process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

HOOK = """
import os

rename, left = os.replace, {count}


def replace(source, target, **options):
    global left
    here = os.path.basename(os.fspath(target)) == {name!r}
    left -= here
    if here and left == 0 and {before}:
        os.kill(os.getpid(), {by})
    rename(source, target, **options)
    if here and left == 0:
        os.kill(os.getpid(), {by})


os.replace = replace
"""


def kill_at(
    folder: Path, name: str, count: int = 1, before: bool = False, by: signal.Signals = signal.SIGKILL
) -> dict[str, str]:
    """An environment in which Python processes kill themselves when they move a file into place.

    They die once the `count`-th file called `name` is there; with `before`, when it is written but not there yet.
    `folder` is where the hook goes: one for each environment.
    """
    return begin_with(folder, HOOK.format(name=name, count=count, before=before, by=int(by)))


def begin_with(folder: Path, code: str) -> dict[str, str]:
    """An environment in which Python processes run some code before any program. It goes into `folder`, a new one."""
    folder.mkdir(parents=True)
    # Python imports a module of this name at every start, even in a venv.
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
