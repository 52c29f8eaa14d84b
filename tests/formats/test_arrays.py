"""Numbers of JSON as arrays, and what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cli import UserError
from formats.arrays import read_numbers

Shape = tuple[int | None, ...]


@pytest.mark.parametrize(
    ("value", "shape", "expected"),
    [
        ([1, 2.5], (None,), [1.0, 2.5]),
        ([[1, 2], [3, 4]], (None, 2), [[1.0, 2.0], [3.0, 4.0]]),
        ([], (None,), []),
        ([1], (1,), [1.0]),
        (0.5, (), 0.5),
    ],
)
def test_numbers_are_doubles(value: Any, shape: Shape, expected: Any) -> None:
    array = read_numbers(value, shape, "x")
    assert array.dtype == np.float64 and array.tolist() == expected


def test_an_empty_list_has_the_columns_that_are_wanted() -> None:
    assert read_numbers([], (None, 3), "x").shape == (0, 3)


@pytest.mark.parametrize(
    ("value", "shape", "message"),
    [
        (None, (None,), "x: must be n numbers, got None"),
        ("12", (None,), "x: must be n numbers, got '12'"),
        (["1.5"], (None,), "x: must be n numbers"),  # NumPy alone would take it for 1.5
        ([True, 2], (None,), "x: must be n numbers, holds true or false"),
        ([[1, False]], (None, 2), "x: must be n x 2 numbers, holds true or false"),
        ([1, None], (None,), "x: must be n numbers"),
        ([[1, 2], [3]], (None, 2), "x: must be n x 2 numbers, got rows of different lengths"),
        ([[1, 2, 3]], (None, 2), "x: must be n x 2 numbers"),
        ([], (2,), "x: must be 2 numbers"),
        ([float("nan")], (None,), "x: holds NaN or infinity"),
        ([float("-inf")], (None,), "x: holds NaN or infinity"),
        ([3.5e38], (None,), r"x: holds a number beyond ±3\.4e\+38"),
        ([10**400], (None,), "x: must be n numbers"),
        ([[[1] * 50]], (None,), "x: must be n numbers, got .{59}…$"),
    ],
)
def test_what_is_no_number_is_named(value: Any, shape: Shape, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}"):
        read_numbers(value, shape, "x")


def test_the_largest_number_may_be_given() -> None:
    assert read_numbers([-1e9], (None,), "x", 1e9).tolist() == [-1e9]
    with pytest.raises(UserError, match=r"x: holds a number beyond ±1e\+09"):
        read_numbers([1.1e9], (None,), "x", 1e9)
