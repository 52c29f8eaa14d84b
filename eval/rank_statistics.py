"""Rank statistics: Kendall's tau, Spearman's rho, and the area under the ROC curve.

Only Kendall's tau needs `scipy.stats`, which takes longer to load than most commands run: it is imported when needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def rank(values: Floats) -> Floats:
    """The ranks of values (N,), from 1, (N,): equal values share the mean of theirs. All NaN if a value is NaN."""
    if np.isnan(values).any():
        return np.full(values.shape, np.nan)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: Floats = np.cumsum(counts) - (counts - 1) / 2
    return shared[place]


def compute_tau(values: Floats, columns: Floats) -> Floats:
    """Kendall's tau-b of values (N,) with each column of (N, K), such as an annotator's labels: (K,).

    Concordant minus discordant pairs, over the root of: pairs not tied in values times pairs not tied in the column.
    NaN if the values or a column are constant.
    """
    from scipy.stats import kendalltau

    if np.ptp(values) == 0:
        return np.full(columns.shape[1], np.nan)
    return np.array([kendalltau(values, column).statistic if np.ptp(column) else np.nan for column in columns.T])


def compute_rho(values: Floats, columns: Floats) -> Floats:
    """Spearman's rho of values (N,) with each column of (N, K), (K,): correlation of the ranks, ties averaged.

    NaN if the values or a column are constant. `scipy.stats.spearmanr` is not used: it also computes a p-value, with a
    division by zero for two rows, and warns of constant input.
    """
    if np.ptp(values) == 0:
        return np.full(columns.shape[1], np.nan)
    ranks = rank(values)
    return np.array([np.corrcoef(ranks, rank(column))[0, 1] if np.ptp(column) else np.nan for column in columns.T])


def compute_auc(values: Floats, labels: Bools) -> Floats:
    """Area under the ROC curve of each column of (N, K), (K,): the probability that a labelled row is the higher one.

    Ties count one half. 1: always higher, 0.5: no difference, 0: always lower. Both labels must occur. Computed from
    the sum of ranks, like the Mann-Whitney U.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    wins = np.apply_along_axis(rank, 0, values)[labels].sum(0) - positives * (positives + 1) / 2
    area: Floats = wins / (positives * negatives)
    return area
