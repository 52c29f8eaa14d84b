"""Postprocessing of the network's output, the same for short videos and for merged windows.

The network never saw clips without a picture (a truncated video, a damaged section), so its output there is noise: no
such clip ranks above a clip that was seen, and no moment lies where nothing was seen. A moment may span a gap between
clips that were seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from formats.predictions import Prediction, make_prediction

KEEP_ALL = 1.0
"""IoU threshold that suppresses nothing: no two moments exceed it."""


def finish(raw: Prediction, seen: Tensor, clip_seconds: float, duplicate_iou: float = KEEP_ALL) -> Prediction:
    """Bring a prediction into its final form.

    Clips that were not `seen` (L,) get the lowest saliency of the clips that were. Moments are cut to the range from
    the first to the last seen clip, and dropped if the rest contains no part of a seen clip. Among moments that overlap
    by more than `duplicate_iou`, only the best is kept.
    """
    saliency = torch.tensor(raw.saliency, dtype=torch.float64)
    saliency = torch.where(seen, saliency, saliency[seen].min())
    moments = raw.windows
    if moments is not None:
        places = seen.nonzero().flatten().tolist()
        if len(places) < len(seen):
            moments = _cut(moments, [(place * clip_seconds, (place + 1) * clip_seconds) for place in places])
        moments = suppress(moments, duplicate_iou)
    return make_prediction(raw.qid, raw.query, raw.vid, saliency.tolist(), moments)


def suppress(moments: Sequence[Sequence[float]], duplicate_iou: float) -> list[list[float]]:
    """Sort moments [start s, end s, score] by score, without those that overlap a better one by more than the IoU."""
    kept: list[list[float]] = []
    for start, end, score in sorted(moments, key=lambda moment: -moment[2]):
        if all(_iou((start, end), (other[0], other[1])) <= duplicate_iou for other in kept):
            kept.append([start, end, score])
    return kept


def _cut(moments: Sequence[Sequence[float]], clips: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Cut moments to the range of some clips (start s, end s), and drop those that overlap no clip."""
    cut = [[max(start, clips[0][0]), min(end, clips[-1][1]), score] for start, end, score in moments]
    return [moment for moment in cut if any(max(moment[0], clip[0]) < min(moment[1], clip[1]) for clip in clips)]


def _iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    union = (one[1] - one[0]) + (other[1] - other[0]) - shared
    return shared / union if union > 0 else 0.0
