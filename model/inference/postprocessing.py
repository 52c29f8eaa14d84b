"""What is made of a network's words before they are a prediction: the same for short videos and for merged windows.

A clip without a picture (a video that was cut off, a damaged stretch) was never shown to the network, and what it says
of it is noise: no such clip ranks above one that was seen, and no moment lies where nothing was seen. A moment may
run across a gap between clips that were seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from formats.predictions import Prediction, make_prediction

KEEP_ALL = 1.0
"""The IoU that no two moments exceed."""


def finish(raw: Prediction, seen: Tensor, clip_seconds: float, duplicate_iou: float = KEEP_ALL) -> Prediction:
    """A prediction in its final form.

    Clips that were not `seen` (L,) have the lowest saliency of those that were. Moments are cut at the first and last
    clip that was seen, and left out if what remains holds no part of a clip that was seen. Of moments that overlap by
    more than `duplicate_iou` the best is kept.
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
    """Moments [start s, end s, score] by falling score, but those that overlap a better one by more than the IoU."""
    kept: list[list[float]] = []
    for start, end, score in sorted(moments, key=lambda moment: -moment[2]):
        if all(_iou((start, end), (other[0], other[1])) <= duplicate_iou for other in kept):
            kept.append([start, end, score])
    return kept


def _cut(moments: Sequence[Sequence[float]], clips: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Moments between the first and the last of some clips (start s, end s), but those that share time with none."""
    cut = [[max(start, clips[0][0]), min(end, clips[-1][1]), score] for start, end, score in moments]
    return [moment for moment in cut if any(max(moment[0], clip[0]) < min(moment[1], clip[1]) for clip in clips)]


def _iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    shared = max(0.0, min(one[1], other[1]) - max(one[0], other[0]))
    union = (one[1] - one[0]) + (other[1] - other[0]) - shared
    return shared / union if union > 0 else 0.0
