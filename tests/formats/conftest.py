"""What the tests of formats share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.eval.gate_logs import Rows, make_gate_rows


@pytest.fixture
def gate_rows() -> Callable[..., Rows]:
    return make_gate_rows
