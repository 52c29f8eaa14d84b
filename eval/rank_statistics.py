"""Statistics of ranks: Kendall's tau, Spearman's rho, and the area under the ROC curve.

The one module that loads `scipy.stats`, which takes longer than most commands: import it where it is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def compute_tau(values: Floats, columns: Floats) -> Floats:
    """Kendall's tau-b of values (N,) with each column of (N, K), such as an annotator's labels: (K,).

    Concordant less discordant pairs over the root of the pairs not tied in values times those not tied in the column.
    NaN where the values, or a column, are all the same.
    """
    if np.ptp(values) == 0:
        return np.full(columns.shape[1], np.nan)
    return np.array([kendalltau(values, column).statistic if np.ptp(column) else np.nan for column in columns.T])


def compute_rho(values: Floats, columns: Floats) -> Floats:
    """Spearman's rho of values (N,) with each column of (N, K), (K,): correlation of the ranks, ties averaged.

    NaN where the values, or a column, are all the same. Not `scipy.stats.spearmanr`, which also works out a p-value,
    with a division by zero for two rows, and warns of what is constant.
    """
    if np.ptp(values) == 0:
        return np.full(columns.shape[1], np.nan)
    ranks = rankdata(values)
    return np.array([np.corrcoef(ranks, rankdata(column))[0, 1] if np.ptp(column) else np.nan for column in columns.T])


def compute_auc(values: Floats, labels: Bools) -> Floats:
    """Area under the ROC curve of each column of (N, K), (K,): the chance that a row with the label has the more.

    Equal values count one half. 1: always more, 0.5: no difference, 0: always less. Both labels must occur. From the
    sum of the ranks, as the Mann-Whitney U.
    """
    positives, negatives = int(labels.sum()), int((~labels).sum())
    wins = rankdata(values, axis=0)[labels].sum(0) - positives * (positives + 1) / 2
    area: Floats = wins / (positives * negatives)
    return area
