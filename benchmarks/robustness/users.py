"""Files of another user, whose permissions keep this one out."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.robustness.fault import Fault
from benchmarks.robustness.study import MADE, READ, make
from tests.killing import begin_with
from tests.workflow.workspace import Workspace

OTHER = 65534
"""The user id of `nobody`."""
# Root without its privileges over files is an ordinary user with id 0. Dropped from the bounding set too, they do not
# come back with the next program.
ORDINARY = """
import ctypes
import os

libc = ctypes.CDLL(None)
for capability in (0, 1, 2, 3):  # CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER
    libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
sets = (ctypes.c_uint32 * 6)()
libc.capget(header, sets)
for place in (0, 1):  # effective, permitted
    sets[place] &= ~0b1111
libc.capset(header, sets)
"""
UMASK = "import os\n\nos.umask(0o077)\n"


def strangers() -> Iterator[Fault]:
    """Another user's study, its folders one by one, and its files that nobody else may read. Needs root."""
    for name, (rule, target) in READ.items():
        yield Fault(f"`{name}` is another user's (umask 077)", rule, target, _unreadable(name, target))
    for rule, target in MADE.items():
        yield Fault(f"`{Path(target).parent}/` is another user's", rule, target, _read_only(target))
    for rule in ("manifest", "encode", "train", "score"):
        yield Fault("umask 077, then the usual one", rule, MADE[rule], _private(MADE[rule]))
        yield Fault("the whole folder is another user's", rule, MADE[rule], _whole(MADE[rule]))


def _as_ordinary(workspace: Workspace, target: str) -> str:
    with tempfile.TemporaryDirectory() as hooks:
        return make(workspace, target, environment=begin_with(Path(hooks, "hook"), ORDINARY))


def _unreadable(name: str, target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        file = workspace.folder / name
        (workspace.folder / target).unlink()
        shutil.chown(file, OTHER)
        file.chmod(0o600)
        said = _as_ordinary(workspace, target)
        shutil.chown(file, 0)
        file.chmod(0o644)
        return said, False

    return provoke


def _read_only(target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        folder = (workspace.folder / target).parent
        (workspace.folder / target).unlink()
        _give(folder, OTHER)
        said = _as_ordinary(workspace, target)
        _give(workspace.folder, 0)  # its folder may have gone: Snakemake removes empty ones
        return said, False

    return provoke


def _whole(target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        (workspace.folder / target).unlink()
        _give(workspace.folder, OTHER)
        shutil.chown(workspace.folder / "overlay.yaml", 0)  # written before every run here
        said = _as_ordinary(workspace, target)
        _give(workspace.folder, 0)
        return said, False

    return provoke


def _private(target: str) -> Callable[[Workspace], tuple[str, bool]]:
    def provoke(workspace: Workspace) -> tuple[str, bool]:
        made = workspace.folder / target
        expected = made.read_bytes()
        made.unlink()
        with tempfile.TemporaryDirectory() as hooks:
            said = make(workspace, target, environment=begin_with(Path(hooks, "hook"), UMASK))
        return said, not made.is_file() or made.read_bytes() != expected

    return provoke


def _give(folder: Path, user: int) -> None:
    """Make a folder and all in it a user's."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, -1, follow_symlinks=False)
