"""Fixtures for the tests of all figures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.plots.gates.view import GateView, arrange
from eval.plots.style import house_style
from formats.gate_log import read_gate_log
from tests.eval.gate_logs import make_gate_rows


@pytest.fixture(autouse=True)
def strict_warnings() -> Iterator[None]:
    # matplotlib only warns of a layout that does not fit.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def styled() -> Iterator[None]:
    with house_style():
        yield


@pytest.fixture
def view(write: Callable[..., Path]) -> Callable[..., GateView]:
    """Make the view of a synthetic gate log (or of `rows`)."""

    def make(count: int = 10, *arguments: Any, truth: Any = (), rows: Any = None, **options: Any) -> GateView:
        made = make_gate_rows(count, *arguments, **options) if rows is None else rows
        return arrange(read_gate_log(write("gate_logs_val_Nall.jsonl", made)), truth)

    return make
