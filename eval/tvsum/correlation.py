"""How well a ranking of clips agrees with each annotator's: Kendall's tau and Spearman's rho."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

Floats = NDArray[np.float64]


def compute_tau(scores: Floats, labels: Floats) -> Floats:
    """Kendall's tau-b of scores (T,) with each annotator's labels (T, A), (A,).

    Concordant less discordant pairs over the root of the pairs not tied in scores times those not tied in labels.
    NaN for an annotator, or a prediction, that gives all clips the same value.
    """
    if _constant(scores[:, None])[0]:
        return np.full(labels.shape[1], np.nan)
    return np.array(
        [
            np.nan if constant else kendalltau(scores, column).statistic
            for column, constant in zip(labels.T, _constant(labels), strict=True)
        ]
    )


def compute_rho(scores: Floats, labels: Floats) -> Floats:
    """Spearman's rho of scores (T,) with each annotator's labels (T, A), (A,): correlation of the ranks, ties averaged.

    NaN as with `compute_tau`.
    """
    ranks = rankdata(np.column_stack([scores, labels]), axis=0)
    ranks -= ranks.mean(0)
    spread = np.sqrt((ranks**2).sum(0))
    below = spread[0] * spread[1:]
    rho: Floats = np.divide(ranks[:, 0] @ ranks[:, 1:], below, out=np.full(len(below), np.nan), where=below > 0)
    return rho


def mean_known(values: Floats) -> float | None:
    """Mean of the values that are defined; None if none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _constant(columns: Floats) -> NDArray[np.bool_]:
    return np.ptp(columns, axis=0) == 0
