"""Rows of many videos or texts, stored one after another in one array and cut into batches without file access."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Value = TypeVar("Value", np.float16, np.float32, np.bool_)


class Packed(Generic[Value]):
    """Rows of many ids in one array, with the position of each id.

    Attributes:
        rows: (rows, D), or (rows,) for one value per row; zeros or False until filled.
    """

    def __init__(self, lengths: Mapping[str, int], dtype: type[Value], dim: int | None = None) -> None:
        """Allocate `lengths` rows per id, each with `dim` values; None = one value per row."""
        shape = (sum(lengths.values()), *(() if dim is None else (dim,)))
        self.rows: NDArray[Value] = np.zeros(shape, dtype)
        self._lengths = lengths
        ends = np.cumsum(list(lengths.values())).tolist()
        self._ends = dict(zip(lengths, ends, strict=True))

    def __getitem__(self, name: str) -> NDArray[Value]:
        """The rows of one id, (n, D) or (n,): a view to fill or read."""
        return self.rows[self._ends[name] - self._lengths[name] : self._ends[name]]

    @property
    def names(self) -> list[str]:
        """The ids, in order."""
        return list(self._lengths)

    def length(self, name: str) -> int:
        """Number of rows of one id."""
        return self._lengths[name]

    def pad(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Pad the rows of some ids with zeros or False to (B, longest, D) or (B, longest).

        Also returns the mask (B, longest), True = valid.
        """
        lengths = [self._lengths[name] for name in names]
        longest = max(lengths)
        padding = np.zeros((longest - min(lengths), *self.rows.shape[1:]), self.rows.dtype)
        # Concatenated by numpy, in half the time of torch.stack or of copying piece by piece.
        pieces = [
            part
            for name, length in zip(names, lengths, strict=True)
            for part in (self[name], padding[: longest - length])
        ]
        rows = np.concatenate(pieces).reshape(len(names), longest, *self.rows.shape[1:])
        return torch.from_numpy(rows), torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
