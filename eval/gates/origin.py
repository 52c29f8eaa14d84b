"""Whether a gate log and predictions come from one network.

A row of the log repeats the highlight scores that `infer` predicted for its query. Another network, checkpoint, control
of the sound or video gives other scores, so they tell where a log belongs, in files of earlier versions too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

import numpy as np

from formats.annotations import Qid
from formats.gate_log import GateSample
from formats.predictions import has_saliency, read_predicted_saliency
from formats.rows import Row

_log = logging.getLogger(__name__)
SAME = 1e-4
"""Largest difference between the scores of one answer. Both files round to six decimals."""


def warn_of_other_network(
    samples: Iterable[GateSample], predictions: Mapping[Qid, Row], names: tuple[str, str]
) -> None:
    """Name in the log the gates that are not of the network that made the predictions.

    Rows of a log that do not repeat the scores tell nothing, nor do predictions without scores.

    Args:
        names: of the gate log and of the predictions, in messages.

    Raises:
        UserError: a prediction is malformed.
    """
    listed = list(samples)
    foreign = [one for one in listed if not _belongs(one, predictions.get(one.qid), names[1])]
    if foreign:
        _log.warning(
            "note: %s is not of the network that made %s: %d of its %d queries have other highlight scores there,"
            " first qid %s",
            names[0], names[1], len(foreign), len(listed), foreign[0].qid,
        )  # fmt: skip


def _belongs(sample: GateSample, prediction: Row | None, where: str) -> bool:
    if prediction is None:
        return False
    if sample.saliency is None or not has_saliency(prediction):
        return True
    scores = read_predicted_saliency(prediction, where)
    if len(scores) != len(sample.saliency):
        return False
    # Clips without a picture have the lowest score in the predictions only.
    return bool(np.all((np.abs(scores - sample.saliency) <= SAME) | (scores == scores.min())))
