"""Significance of differences: spread over seeds, bootstrap intervals and paired tests, as pure functions."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS = 2000
PERMUTATIONS = 10000
# Rows of a random matrix drawn at a time, so that memory stays small for any number of queries.
BATCH = 200


def average_seeds(values: Sequence[float | None]) -> dict[str, Any] | None:
    """{"mean", "sd", "by_seed"} of one value per seed, None for a seed without it; None if no seed has a value.

    `sd` is the sample standard deviation (n - 1), None for one seed.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = round(statistics.stdev(known), 4) if len(known) > 1 else None
    return {"mean": round(statistics.fmean(known), 4), "sd": sd, "by_seed": list(values)}


def bootstrap_means(values: Floats, seed: int = 0, draws: int = DRAWS, level: float = 0.95) -> Floats:
    """Percentile intervals (K, 2) of the means of the columns of values (N, K), resampling the N rows jointly.

    NaN values do not count for the mean of their column.
    """
    random = np.random.default_rng(seed)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    means = []
    for start in range(0, draws, BATCH):
        size = min(BATCH, draws - start)
        times = random.multinomial(len(values), np.full(len(values), 1 / len(values)), size=size).astype(np.float64)
        counts = times @ known
        means.append(np.divide(times @ filled, counts, out=np.full(counts.shape, np.nan), where=counts > 0))
    tail = 50 * (1 - level)
    interval: Floats = np.nanpercentile(np.concatenate(means), [tail, 100 - tail], axis=0).T
    return interval


def permute_signs(differences: Floats, seed: int = 0, permutations: int = PERMUTATIONS) -> float | None:
    """Two-sided p of a paired permutation test on differences (N,): how often random signs give a mean as far from 0.

    Uses all 2^N signs if these are at most `permutations`; else draws that many, and counts the observed signs too.
    None without differences.
    """
    count = len(differences)
    if not count:
        return None
    # Sums of the same numbers in another order differ in the last bits.
    far = abs(differences.sum()) * (1 - 1e-9)
    if 2**count <= permutations:
        signs = 1.0 - 2.0 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
        return float((np.abs(signs @ differences) >= far).mean())
    random = np.random.default_rng(seed)
    reached = 1
    for start in range(0, permutations, BATCH):
        signs = 1.0 - 2.0 * random.integers(0, 2, size=(min(BATCH, permutations - start), count))
        reached += int((np.abs(signs @ differences) >= far).sum())
    return reached / (permutations + 1)


def compare_t(differences: Floats) -> float | None:
    """Two-sided p of Student's paired t test on differences (N,); None for fewer than two, or without spread."""
    # SciPy takes a third of a second to load, and most tables have no tests.
    from scipy.special import stdtr

    count = len(differences)
    spread = float(differences.std(ddof=1)) if count > 1 else 0.0
    # Equal differences of decimal numbers can differ in the last bits: 2.2 - 2.1 is not 1.2 - 1.1.
    if count < 2 or spread <= 1e-9 * np.abs(differences).max():
        return None
    return float(2 * stdtr(count - 1, -abs(differences.mean()) / (spread / np.sqrt(count))))


def interval_t(values: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Student's interval of the mean of values (N,), such as one difference per seed; None for fewer than two."""
    from scipy.special import stdtrit

    count = len(values)
    if count < 2:
        return None
    mean, half = float(values.mean()), stdtrit(count - 1, (1 + level) / 2) * values.std(ddof=1) / np.sqrt(count)
    return mean - float(half), mean + float(half)
