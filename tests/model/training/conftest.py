"""Data that several modules train on."""

from __future__ import annotations

import pytest

from tests.model.small_data import Data, write_data


@pytest.fixture(scope="module")
def tvsum(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("tvsum"), [12, 14, 11, 20, 16, 13, 12, 18], "ratings")
