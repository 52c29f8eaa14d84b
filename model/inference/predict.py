"""Run a network and turn its output into ranked moments and saliency: the official submission rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from formats.predictions import Prediction, make_prediction
from formats.rows import Row
from model.config import Precision
from model.data.feature_set import FeatureSet
from model.inference.postprocessing import KEEP_ALL, finish
from model.network.detector import HighlightDetector
from model.network.spans import to_bounds
from model.network.tensors import Inputs, Outputs


@dataclass(frozen=True)
class Predicted:
    """One query of a batch: its annotation row, its index in the batch, and the batch."""

    row: Row
    sample: int
    inputs: Inputs
    outputs: Outputs

    @property
    def n_clips(self) -> int:
        """Number of clips in the query's video."""
        return int(self.inputs.video_mask[self.inputs.video_of(self.sample)].sum())

    @property
    def seen(self) -> Tensor:
        """Mask of clips that have a picture, (L,)."""
        return self.inputs.seen_mask[self.inputs.video_of(self.sample), : self.n_clips]

    @property
    def audio_mask(self) -> Tensor | None:
        """Mask of clips that have sound, (L,); None if the network reads no audio."""
        mask = self.inputs.audio_mask
        return None if mask is None else mask[self.inputs.video_of(self.sample), : self.n_clips]


@torch.inference_mode()
def predict(
    network: HighlightDetector,
    features: FeatureSet,
    batch_size: int,
    device: str,
    moments: bool = True,
    queries: Sequence[int] | None = None,
    precision: Precision = "float32",
) -> Iterator[Predicted]:
    """Run the network on all queries, or on those at `queries`, in order; results are on the CPU, in float32.

    What does not depend on the query is computed once per video of a batch. Without `moments` the decoder is not run.
    """
    network.eval()
    queries = range(len(features)) if queries is None else queries
    for first in range(0, len(queries), batch_size):
        indices = queries[first : first + batch_size]
        inputs = features.batch(indices, share=True)
        with in_precision(precision, device):
            outputs = network(inputs.to(device), moments=moments).float().to("cpu")
        for sample, index in enumerate(indices):
            yield Predicted(features.rows[index], sample, inputs, outputs)


def in_precision(precision: Precision, device: str) -> AbstractContextManager[Any]:
    """Run the network in this precision, by autocast."""
    return torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bfloat16")


def submission_row(
    predicted: Predicted, clip_seconds: float, round_to_clips: bool, duplicate_iou: float = KEEP_ALL
) -> Row:
    """The official row: moments [start s, end s, score] by descending score, saliency per clip; see `finish`."""
    raw = raw_prediction(predicted, clip_seconds, round_to_clips)
    return finish(raw, predicted.seen, clip_seconds, duplicate_iou).to_row()


def raw_prediction(predicted: Predicted, clip_seconds: float, round_to_clips: bool) -> Prediction:
    """The network's prediction before `finish`."""
    row = predicted.row
    windows = _windows(predicted, clip_seconds, round_to_clips) if predicted.outputs.moments else None
    saliency = predicted.outputs.saliency[predicted.sample, : predicted.n_clips].tolist()
    return make_prediction(row["qid"], row["query"], row["vid"], saliency, windows)


def _windows(predicted: Predicted, clip_seconds: float, round_to_clips: bool) -> list[list[float]]:
    last, sample = predicted.outputs.moments[-1], predicted.sample
    duration = predicted.n_clips * clip_seconds
    scores, order = last.logits[sample].softmax(-1)[:, 0].sort(descending=True, stable=True)
    bounds = (to_bounds(last.spans[sample]) * duration).clamp(0, duration)[order]
    if round_to_clips:
        bounds = _round_to_clips(bounds, clip_seconds, duration)
    return [[start, end, score] for (start, end), score in zip(bounds.tolist(), scores.tolist(), strict=True)]


def _round_to_clips(bounds: Tensor, clip_seconds: float, duration: float) -> Tensor:
    """Round (N, 2) to multiples of a clip, half to even; a moment keeps at least the clip at its middle."""
    rounded = (bounds / clip_seconds).round() * clip_seconds
    empty = rounded[:, 1] <= rounded[:, 0]
    middle = (bounds.mean(dim=1) / clip_seconds).floor() * clip_seconds
    start = torch.where(empty, middle.clamp(max=duration - clip_seconds), rounded[:, 0])
    end = torch.where(empty, start + clip_seconds, rounded[:, 1])
    return torch.stack([start, end], dim=1)
