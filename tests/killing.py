"""Processes that end by SIGKILL at a chosen write."""

from __future__ import annotations

import os
from pathlib import Path

# Python imports a module of this name at every start, even in a venv, before any program.
HOOK = """
import os
import signal

rename, left = os.replace, {count}


def replace(source, target, **options):
    global left
    here = os.path.basename(os.fspath(target)) == {name!r}
    left -= here
    if here and left == 0 and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target, **options)
    if here and left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


os.replace = replace
"""


def kill_at(folder: Path, name: str, count: int = 1, before: bool = False) -> dict[str, str]:
    """An environment in which Python processes kill themselves when they move a file into place.

    They die once the `count`-th file called `name` is there; with `before`, when it is written but not there yet.
    `folder` is where the hook goes: one for each environment.
    """
    folder.mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(HOOK.format(name=name, count=count, before=before), encoding="utf-8")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
