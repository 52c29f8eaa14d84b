"""Predicted windows of many queries, each right or wrong at each IoU, matched with labels as for the official AP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from eval.qvhighlights.moments import compute_iou, group_by_size, match_windows, order_by_score, stack
from eval.qvhighlights.queries import Queries
from formats.arrays import Bools, Floats
from formats.predictions import MOST_WINDOWS

THRESHOLDS = (0.5, 0.75)
"""IoU from which a predicted window is right."""
OVERLAP = 1e-9
"""IoU of windows that overlap at all."""


@dataclass(frozen=True)
class Matches:
    """N queries with up to P = 10 predicted windows each, best score first.

    Attributes:
        scores: (N, P), NaN where no window is listed.
        lengths: (N, P) seconds, NaN where no window is listed.
        right: (N, T, P) whether a window is a true positive at each of the `THRESHOLDS`.
        relevant: (N,) number of relevant windows.
        overlapped: (N, P) length in seconds of the relevant window that a window takes if any overlap counts; NaN if it
            takes none. Only the best windows take one, as many as are relevant.
        missed: lengths in seconds of the relevant windows that none takes, (M,).
    """

    scores: Floats
    lengths: Floats
    right: Bools
    relevant: NDArray[np.intp]
    overlapped: Floats
    missed: Floats

    @property
    def listed(self) -> Bools:
        """(N, P) where a window is listed."""
        return ~np.isnan(self.scores)


def match_moments(answers: Sequence[Queries], where: str = "predictions") -> Matches:
    """Match the predicted windows of every query that has relevant windows. Several `answers`, as of seeds, are joined.

    Raises:
        UserError: no query has both.
    """
    pairs = [
        pair
        for queries in answers
        for pair in zip(queries.predicted_windows, queries.relevant_windows, strict=True)
        if pair[0] is not None and pair[1] is not None
    ]
    if not pairs:
        raise UserError(f"{where}: no query has both predicted and relevant windows")
    count = len(pairs)
    found = Matches(
        scores=np.full((count, MOST_WINDOWS), np.nan),
        lengths=np.full((count, MOST_WINDOWS), np.nan),
        right=np.zeros((count, len(THRESHOLDS), MOST_WINDOWS), bool),
        relevant=np.array([len(relevant) for _, relevant in pairs if relevant is not None]),
        overlapped=np.full((count, MOST_WINDOWS), np.nan),
        missed=np.zeros(0),
    )
    missed = []
    for places in group_by_size(found.relevant.tolist()):
        windows, listed = stack([pairs[place][0] for place in places], MOST_WINDOWS)
        truth, wanted = stack([pairs[place][1] for place in places], int(found.relevant[places].max()))
        order = order_by_score(windows, listed)
        windows = np.take_along_axis(windows, order[..., None], axis=1)
        listed = np.take_along_axis(listed, order, axis=1)
        iou = np.where(listed[..., None], compute_iou(windows[..., :2], truth), -1.0)
        found.scores[places] = np.where(listed, windows[..., 2], np.nan)
        found.lengths[places] = np.where(listed, windows[..., 1] - windows[..., 0], np.nan)
        found.right[places] = match_windows(iou, wanted, THRESHOLDS) >= 0
        best = np.arange(MOST_WINDOWS) < found.relevant[places][:, None]
        taken = match_windows(np.where(best[..., None], iou, -1.0), wanted, (OVERLAP,))[:, 0]
        lengths = truth[..., 1] - truth[..., 0]
        found.overlapped[places] = np.where(taken >= 0, np.take_along_axis(lengths, taken, axis=1), np.nan)
        free = wanted & ~(taken[:, :, None] == np.arange(wanted.shape[1])).any(1)
        missed.append(lengths[free])
    return replace(found, missed=np.concatenate(missed))
