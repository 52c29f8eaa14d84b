"""Reliability of scores: among windows scored about 0.7, are 7 of 10 right?

Expected calibration error (Guo et al. 2017, arXiv:1706.04599). A window is right if AP counts it as a true positive at
IoU 0.5: of two windows on one moment, only the better scored one is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.retrieval.matches import THRESHOLDS, Matches
from formats.arrays import Bools, Floats

BINS = 10
"""Of equal width."""
THRESHOLD = 0.5
_NORMAL = 1.959964
"""Standard deviations to either side of a normal mean that hold 95 %."""


@dataclass(frozen=True)
class Reliability:
    """Windows by score, in `BINS` bins.

    Attributes:
        counts: (B,) windows in each bin.
        scores: (B,) their mean score, NaN in empty bins.
        right: (B,) share of them that are right, NaN in empty bins.
        interval: (B, 2) 95 % interval of the share (Wilson).
        error: expected calibration error: mean distance of share and score over the windows, 0 to 1.
    """

    counts: Floats
    scores: Floats
    right: Floats
    interval: Floats
    error: float


def are_probabilities(matches: Matches) -> bool:
    """Whether all scores are between 0 and 1."""
    scores = matches.scores[matches.listed]
    return bool(((scores >= 0) & (scores <= 1)).all())


def measure_reliability(matches: Matches, best_only: bool = False) -> Reliability:
    """Compare scores, from 0 to 1, with the share of windows that are right.

    Args:
        matches: at least one window is listed.
        best_only: only the window of each query with the highest score.
    """
    kept = matches.listed.copy()
    if best_only:
        kept[:, 1:] = False
    return _bin(matches.scores[kept], matches.right[:, THRESHOLDS.index(THRESHOLD)][kept])


def _bin(scores: Floats, right: Bools) -> Reliability:
    places = np.minimum((scores * BINS).astype(np.intp), BINS - 1)
    counts = np.bincount(places, minlength=BINS).astype(np.float64)
    sums = (np.bincount(places, of, BINS).astype(np.float64) for of in (scores, right.astype(np.float64)))
    mean, share = (_divide(of_bin, counts) for of_bin in sums)
    distance = np.nansum(counts * np.abs(share - mean)) / counts.sum()
    return Reliability(counts, mean, share, _wilson(share, counts), float(distance))


def _divide(sums: Floats, counts: Floats) -> Floats:
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _wilson(share: Floats, counts: Floats) -> Floats:
    """Wilson's interval of shares (B,) of counts (B,), (B, 2)."""
    squared = _NORMAL**2
    count = np.where(counts > 0, counts, np.nan)
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = _NORMAL * np.sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    return np.column_stack([middle - half, middle + half])
