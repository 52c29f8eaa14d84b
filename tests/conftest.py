"""Fixtures for tests of several packages: the folder of public data, and files of rows."""

from __future__ import annotations

import gc
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.warm import server, start_new_processes, stop

# Before torch and NumPy are imported, here and in processes of the tests: pytest runs a process on every core, and
# threads that wait for each other keep a core busy.
os.environ["OMP_NUM_THREADS"] = "1"

start_new_processes()

# Nothing that is collected is garbage until the end.
gc.disable()

ROOT = Path(__file__).parents[1]
Rows = list[dict[str, Any]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Let the processes of pytest-xdist fork from the server: each would spend seconds on the same imports."""
    for spec in specs:
        spec.python = shlex.quote(server().program)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` where there is none, unless GPU_TESTS_DEVICE names another device to run them on."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or "GPU_TESTS_DEVICE" in os.environ:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a GPU"))


def pytest_collection_finish() -> None:
    """Search for garbage again, but not among a million objects of libraries and tests that stay."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """End what tests have started for the whole session."""
    stop()


@pytest.fixture(scope="session")
def gpu() -> str:
    """The device of tests marked `gpu`. On `cpu` they compare the CPU with itself: a test of the tests."""
    return os.environ.get("GPU_TESTS_DEVICE", "cuda")


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published annotations and predictions, which are not part of the project."""
    folder = (ROOT / os.environ.get("SHARED_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip("needs the published annotations: SHARED_DATA, or ../shared/data")
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Rows], Path]:
    """Write rows as JSON lines in the test's folder."""

    def write_lines(name: str, rows: Rows) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write_lines
