"""Confusion of window lengths: how long are the windows that answer a short, a middle or a long moment?

Of each query as many of the best scored windows count as it has relevant ones. Each, best first, takes the free
relevant window that it overlaps best, however little: which windows overlap by half is what R1@0.5 says, and such
windows are nearly of one length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eval.retrieval.matches import Matches
from formats.arrays import Floats

CLASSES = ("short", "middle", "long")
"""Up to 10 s, up to 30 s, longer: the official ranges, whose longest window is as long as QVHighlights' videos."""
BORDERS_S = (10.0, 30.0)


def count_window_lengths(matches: Matches) -> NDArray[np.intp]:
    """Number of windows by true and predicted class, (4, 4).

    Rows are the classes of relevant windows, then "none": predicted windows that take none. Columns are the classes of
    predicted windows, then "missed": relevant windows that none takes.
    """
    best = matches.listed & (np.arange(matches.scores.shape[1]) < matches.relevant[:, None])
    none = len(CLASSES)
    truth = np.where(np.isnan(matches.overlapped), none, classify(matches.overlapped))[best]
    found = classify(matches.lengths)[best]
    table = np.zeros((none + 1, none + 1), np.intp)
    np.add.at(table, (truth, found), 1)
    missed = classify(matches.missed)
    np.add.at(table, (missed, np.full(len(missed), none)), 1)
    return table


def classify(seconds: Floats) -> NDArray[np.intp]:
    """The class of each length; of NaN any."""
    return np.searchsorted(BORDERS_S, seconds)
