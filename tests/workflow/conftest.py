"""One tiny end-to-end run of the real workflow, shared by the tests of this folder."""

from __future__ import annotations

import pytest

from tests.workflow.workspace import Workspace


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which the target `all` was made."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    done = workspace.snakemake("--cores", "2", "all")
    assert done.returncode == 0, done.stderr[-6000:] + done.stdout[-3000:]
    return workspace
