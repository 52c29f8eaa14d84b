"""Rows of several streams joined for the network: each stream's part of a row has length 1, in float32.

The rows stay as they were given, in float16 or float32 and usually mapped from a store, until a batch needs them. So a
split takes hardly any memory beside its files, and runs on one machine share it. A batch has the same bits as one of
rows that were joined beforehand: float16 to float32 is exact, and each value is divided by the same length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Mask = NDArray[np.bool_]
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Part:
    """One stream's rows of one id.

    Attributes:
        rows: (n, dim), float16 or float32.
        divisors: (n, 1) in float32, what each row is divided by; None = by nothing.
        cleared: (m,) rows that become zeros; None = none of them.
    """

    rows: Tensor
    divisors: Tensor | None = None
    cleared: Tensor | None = None

    def read(self, target: Tensor) -> None:
        """Write the finished rows to `target`, (n, dim) in float32."""
        if self.divisors is None:
            target.copy_(self.rows)
        elif self.rows.dtype == torch.float32:
            torch.div(self.rows, self.divisors, out=target)
        else:
            # In place, while the processor's cache holds them: `torch.div` would first make a float32 copy.
            target.copy_(self.rows)
            target.div_(self.divisors)
        if self.cleared is not None:
            target[self.cleared] = 0


class Joined:
    """The joined rows of many ids, in the order in which they were added."""

    def __init__(self, dim: int, with_endpoints: bool = False) -> None:
        """Start with no id.

        Args:
            dim: width of the joined rows.
            with_endpoints: the last two columns are start and end of each clip.
        """
        self._dim = dim
        self._with_endpoints = with_endpoints
        self._lengths: dict[str, int] = {}
        self._parts: dict[str, list[_Part]] = {}
        self._endpoints: dict[int, _Part] = {}
        self._widths: list[int] = []

    def length(self, name: str) -> int:
        """Number of rows of one id."""
        return self._lengths[name]

    def add(self, name: str, parts: Sequence[NDArray[Any]], mask: Mask | None = None, unit: bool = False) -> None:
        """Add an id: one array (n, dim) per stream, which is kept and must not be changed.

        Args:
            mask: (n,), where it is False, the rows become zeros.
            unit: the rows have length 1 already: nothing is divided.
        """
        count = len(parts[0])
        cleared = None if mask is None or mask.all() else torch.from_numpy(np.flatnonzero(~mask))
        found = [
            _Part(torch.from_numpy(rows), None if unit else torch.from_numpy(_divisors(rows)), cleared)
            for rows in parts
        ]
        if self._with_endpoints:
            if count not in self._endpoints:
                self._endpoints[count] = _Part(torch.from_numpy(endpoints(count)))
            found.append(self._endpoints[count])
        self._lengths[name], self._parts[name] = count, found
        self._widths = [part.rows.shape[1] for part in found]

    def __getitem__(self, name: str) -> Rows:
        """The joined rows of one id, (n, D) in float32."""
        rows = np.empty((self._lengths[name], self._dim), np.float32)
        self._read(name, torch.from_numpy(rows))
        return rows

    def __iter__(self) -> Iterator[Rows]:
        """The joined rows of each id, (n, D) in float32, in order."""
        for name in self._lengths:
            yield self[name]

    def pad(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Pad the rows of some ids with zeros to (B, longest, D); also the mask (B, longest), True = valid."""
        lengths = [self._lengths[name] for name in names]
        longest = max(lengths)
        # Allocated by numpy, which asks for large pages.
        rows = torch.from_numpy(np.empty((len(names), longest, self._dim), np.float32))
        for of_name, name, length in zip(rows.unbind(), names, lengths, strict=True):
            if length < longest:
                of_name[length:] = 0
            self._read(name, of_name if length == longest else of_name[:length])
        return rows, torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)

    def _read(self, name: str, target: Tensor) -> None:
        """Join the parts of one id in `target`, (n, D)."""
        for part, columns in zip(self._parts[name], target.split(self._widths, dim=1), strict=True):
            part.read(columns)


def endpoints(n_clips: int) -> Rows:
    """Start and end of each clip as fractions of the video, (L, 2)."""
    edges = np.arange(n_clips + 1, dtype=np.float32) / n_clips
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32)


def _divisors(rows: NDArray[Any]) -> Rows:
    """What each row (n, dim) is divided by to have length 1, (n, 1) in float32; a row of zeros stays zero."""
    divisors: Rows = np.linalg.norm(rows.astype(np.float32, copy=False), axis=1, keepdims=True) + 1e-5
    return divisors
