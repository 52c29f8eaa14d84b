"""Fixtures for tests of several packages: the folder of public data, and files of rows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
Rows = list[dict[str, Any]]


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
