"""Pair the rows of two stores that belong to the same clip or token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from formats.store import Store

Rows = NDArray[np.float64]
Pair = tuple[str, Store, Store]
"""An id, and the stores of A and B that hold it: rows are read when they are compared, one video's at a time."""


def places(store: Store, name: str) -> NDArray[np.int64]:
    """The clip of each row, or for texts the token."""
    if store.text:
        return np.arange(store.length(name))
    return store.clips(name)


def matched(pair: Pair, shift: int = 0) -> tuple[NDArray[np.int64], Rows, Rows]:
    """Match the clips of A with those of B that lie `shift` clips later; return A's clips and the rows of both."""
    name, first, second = pair
    ours_at, theirs_at = places(first, name) + shift, places(second, name)
    clips, ours, theirs = np.intersect1d(ours_at, theirs_at, assume_unique=True, return_indices=True)
    return clips - shift, first.rows(name)[ours].astype(np.float64), second.rows(name)[theirs].astype(np.float64)


def cosines_of(rows: Rows, others: Rows) -> Rows:
    """Cosine of each pair of rows: 1 for two rows of zeros, 0 for one."""
    norms, other_norms = np.linalg.norm(rows, axis=1), np.linalg.norm(others, axis=1)
    both = norms * other_norms
    cosines = np.divide((rows * others).sum(axis=1), both, out=np.zeros(len(rows)), where=both > 0)
    cosines[(norms == 0) & (other_norms == 0)] = 1.0
    return cosines
