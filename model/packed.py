"""Rows of many videos or texts one after the other in one array: read once, cut into batches without opening a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


class Packed:
    """Rows of many ids in one array (rows, D), with the place of each id."""

    def __init__(self, lengths: dict[str, int], dim: int) -> None:
        self.rows = np.zeros((sum(lengths.values()), dim), np.float32)
        self._lengths = lengths
        ends = np.cumsum(list(lengths.values())).tolist()
        self._ends = dict(zip(lengths, ends, strict=True))
        self._tensor = torch.from_numpy(self.rows)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """The rows of one id, (n, D): a view to fill or read."""
        return self.rows[self._ends[name] - self._lengths[name] : self._ends[name]]

    @property
    def names(self) -> list[str]:
        """The ids, in order."""
        return list(self._lengths)

    def length(self, name: str) -> int:
        """Rows of one id."""
        return self._lengths[name]

    def pad(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The rows of some ids, zero-padded to (B, longest, D), and the mask (B, longest), True = valid."""
        lengths = [self._lengths[name] for name in names]
        slices = [self._tensor[self._ends[name] - self._lengths[name] : self._ends[name]] for name in names]
        longest = max(lengths)
        if min(lengths) == longest:
            # The usual case in QVHighlights; nothing is written twice.
            return torch.stack(slices), torch.ones(len(names), longest, dtype=torch.bool)
        return pad_sequence(slices, batch_first=True), torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
