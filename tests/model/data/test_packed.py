"""Rows of several ids in one array, padded to batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.data.packed import Packed


def test_rows_are_padded_by_zeros() -> None:
    packed = Packed({"a": 2, "b": 1, "c": 3}, np.float32, 2)
    for value, name in enumerate(packed.names, start=1):
        packed[name][:] = value
    assert packed.rows.tolist() == [[1, 1]] * 2 + [[2, 2]] + [[3, 3]] * 3
    rows, mask = packed.pad(["b", "a"])
    assert rows.dtype == torch.float32
    assert rows.tolist() == [[[2, 2], [0, 0]], [[1, 1], [1, 1]]]
    assert mask.tolist() == [[True, False], [True, True]]
    assert packed.length("c") == 3


def test_masks_stay_masks() -> None:
    packed = Packed({"a": 2, "b": 1}, np.bool_)
    packed["a"][:] = [False, True]
    packed["b"][:] = True
    rows, mask = packed.pad(["a", "b"])
    assert rows.dtype == torch.bool
    assert rows.tolist() == [[False, True], [True, False]]
    assert mask.tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize("dim", [None, 0, 3])
def test_nothing_to_pack_is_an_empty_array(dim: int | None) -> None:
    assert Packed({}, np.float32, dim).rows.shape == ((0,) if dim is None else (0, dim))
