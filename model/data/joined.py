"""Rows of several streams joined for the network: each stream's part of a row has length 1, in float32.

float16 features stay float16 until they are needed, so a split takes little more memory than its files. A batch has the
same bits either way: float16 to float32 is exact, and each value is divided by the same length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.data.packed import Packed

Mask = NDArray[np.bool_]
Rows = NDArray[np.float32]
Part = tuple[np.dtype[Any], int]
"""Type, float16 or float32, and width of the rows of a stream."""


class Joined:
    """The joined rows of many ids.

    Attributes:
        names: the ids, in order.
        whole: the rows as the network reads them, (rows, D) in float32; None if a part is float16, from which they are
            made when they are read.
    """

    def __init__(self, lengths: Mapping[str, int], parts: Sequence[Part], with_endpoints: bool = False) -> None:
        """Allocate `lengths` rows per id; `with_endpoints` adds two columns with start and end of each clip."""
        self.names = list(lengths)
        self._lengths = lengths
        self._with_endpoints = with_endpoints
        self._dim = sum(dim for _, dim in parts) + 2 * with_endpoints
        halves = any(dtype == np.float16 for dtype, _ in parts)
        self.whole = None if halves else Packed(lengths, np.float32, self._dim)
        self._parts: list[Packed[Any]] = []
        self._divisors: list[Packed[np.float32] | None] = []
        for dtype, dim in parts if halves else ():
            half = dtype == np.float16
            self._parts.append(Packed(lengths, np.float16 if half else np.float32, dim))
            self._divisors.append(Packed(lengths, np.float32, 1) if half else None)
        if halves and with_endpoints:
            self._parts.append(Packed(lengths, np.float32, 2))
            self._divisors.append(None)

    def length(self, name: str) -> int:
        """Number of rows of one id."""
        return self._lengths[name]

    def fill(self, name: str, parts: Sequence[NDArray[Any]], mask: Mask | None = None) -> None:
        """Set the rows of an id: one array (n, dim) per stream. Rows where `mask` (n,) is False become zeros."""
        kept = np.ones((len(parts[0]), 1), np.bool_) if mask is None else mask[:, None]
        if self.whole is not None:
            joined = np.concatenate([normalise(rows) for rows in parts], axis=1)
            target = self.whole[name]
            target[:, : joined.shape[1]] = np.where(kept, joined, np.float32(0))
            if self._with_endpoints:
                target[:, joined.shape[1] :] = endpoints(len(target))
            return
        if self._with_endpoints:
            self._parts[-1][name][:] = endpoints(len(parts[0]))
        for rows, packed, divisors in zip(parts, self._parts, self._divisors, strict=False):
            values = rows if divisors is not None else normalise(rows)
            packed[name][:] = np.where(kept, values, values.dtype.type(0))
            if divisors is not None:
                divisors[name][:] = _divisor(rows.astype(np.float32))

    def __getitem__(self, name: str) -> Rows:
        """The rows of one id, (n, D) in float32."""
        if self.whole is not None:
            return self.whole[name]
        rows = np.empty((self._lengths[name], self._dim), np.float32)
        self._read(name, torch.from_numpy(rows))
        return rows

    def pad(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Pad the rows of some ids with zeros, as `Packed.pad`: (B, longest, D) and the mask (B, longest)."""
        if self.whole is not None:
            return self.whole.pad(names)
        lengths = [self._lengths[name] for name in names]
        # Allocated by numpy, which asks for large pages.
        rows = torch.from_numpy(np.empty((len(names), max(lengths), self._dim), np.float32))
        for of_name, name, length in zip(rows, names, lengths, strict=True):
            self._read(name, of_name[:length])
            of_name[length:] = 0
        return rows, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)

    def pieces(self) -> Iterator[Rows]:
        """All rows, (n, D) at a time in float32, in order."""
        if self.whole is not None:
            yield self.whole.rows
        else:
            yield from (self[name] for name in self.names)

    def _read(self, name: str, target: Tensor) -> None:
        """Join the parts of one id in `target`, (n, D)."""
        first = 0
        for packed, divisors in zip(self._parts, self._divisors, strict=True):
            rows = torch.from_numpy(packed[name])
            columns = target[:, first : first + rows.shape[1]]
            if divisors is None:
                columns.copy_(rows)
            else:
                torch.div(rows, torch.from_numpy(divisors[name]), out=columns)
            first += rows.shape[1]


def endpoints(n_clips: int) -> Rows:
    """Start and end of each clip as fractions of the video, (L, 2)."""
    edges = np.arange(n_clips + 1, dtype=np.float32) / n_clips
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32)


def normalise(rows: NDArray[Any]) -> Rows:
    """Divide each row by its L2 norm, in float32; a row of zeros stays zero."""
    singles = rows.astype(np.float32, copy=False)
    normalised: Rows = singles / _divisor(singles)
    return normalised


def _divisor(rows: Rows) -> Rows:
    divisor: Rows = np.linalg.norm(rows, axis=1, keepdims=True) + 1e-5
    return divisor
