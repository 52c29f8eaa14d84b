"""Curves as text: what is read back is what was written, to a step of the scale."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.explorer.curves import ALPHABET, BASE, CODES, GAP, STEPS, pack, pack_rows, unpack


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=90))
def test_a_curve_is_read_back_to_half_a_step(values: list[float]) -> None:
    given_values = np.array(values)
    curve = pack(given_values)
    known = np.isfinite(given_values)
    assert (np.isfinite(unpack(curve)) == known).all() and len(curve[2]) == len(values) // 2 * 3 + len(values) % 2 * 2
    # Ends are rounded to six digits, of which half a unit is 5e-6 of the largest number.
    low, high, _ = curve
    largest = max(abs(low), abs(high))
    near = (high - low) / STEPS / 2 + 1e-5 * largest
    assert (np.abs(unpack(curve) - given_values)[known] <= near + 1e-12).all()


def test_ends_are_exact_and_equal_values_stay_equal() -> None:
    assert unpack(pack(np.array([-2.0, 0.0, 5.0])))[[0, 2]].tolist() == [-2.0, 5.0]
    assert unpack(pack(np.full(3, 3.0))).tolist() == [3.0] * 3
    low, high, text = pack(np.full(1, np.nan))
    assert (low, high) == (0.0, 0.0) and ALPHABET.index(text[0]) * BASE + ALPHABET.index(text[1]) == GAP


def test_text_needs_no_escape_in_json() -> None:
    assert CODES**2 <= BASE**3 and json.dumps(ALPHABET) == f'"{ALPHABET}"'


def test_rows_share_a_scale() -> None:
    low, high, rows = pack_rows(np.array([[-1.0, np.nan], [0.5, 3.0]]))
    assert (low, high) == (-1.0, 3.0)
    assert unpack([low, high, rows[0]])[0] == -1.0 and np.isnan(unpack([low, high, rows[0]])[1])
    assert unpack([low, high, rows[1]]) == pytest.approx([0.5, 3.0], abs=4.0 / STEPS / 2)
