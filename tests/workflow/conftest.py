"""One tiny end-to-end run of the real workflow, shared by the tests of this folder."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.workflow.workspace import Workspace


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which the target `all` was made: once for all processes of pytest, each of which has a copy."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    first = Workspace(shared / "built")
    with (shared / "built.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not first.folder.exists():
            build(first)
    return Workspace(Path(shutil.copytree(first.folder, tmp_path_factory.mktemp("workspace") / "built", symlinks=True)))


def build(workspace: Workspace) -> None:
    """Make `all`. On failure nothing stays, and the next process of pytest fails with the same message."""
    workspace.folder.mkdir()
    done = workspace.snakemake("--cores", "2", "all")
    if done.returncode != 0:
        shutil.rmtree(workspace.folder)
    assert done.returncode == 0, done.stderr[-6000:] + done.stdout[-3000:]
