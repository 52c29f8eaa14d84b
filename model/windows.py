"""Long videos: a network sees stretches as long as those that it was trained on, and what it says is merged.

The stretches (spans of clips) overlap by half, so that every moment of at most half a span lies whole within one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from model.config import InferenceConfig, ModelConfig
from model.dataset import FeatureSet
from model.detector import HighlightDetector, Inputs
from model.inference import Predicted, raw_row
from model.postprocessing import finish
from model.streams import doubles_endpoints, endpoints

Span = tuple[int, int]
"""First clip, and the clip after the last."""


def clips_in(window_seconds: float, clip_seconds: float) -> int:
    """Whole clips of a window; 0 where videos are not cut."""
    return int(window_seconds / clip_seconds + 1e-6)


def cut_spans(n_clips: int, longest: int) -> list[Span]:
    """Spans of `longest` clips that start every half of it; the last one ends with the video.

    >>> cut_spans(10, 4)
    [(0, 4), (2, 6), (4, 8), (6, 10)]
    """
    if n_clips <= longest:
        return [(0, n_clips)]
    starts = [*range(0, n_clips - longest, longest // 2), n_clips - longest]
    return [(start, start + longest) for start in starts]


@torch.inference_mode()
def predict_in_windows(
    network: HighlightDetector,
    features: FeatureSet,
    index: int,
    longest: int,
    config: InferenceConfig,
    device: str,
    moments: bool = True,
) -> dict[str, Any]:
    """The submission row of query `index`, whose video has more than `longest` clips.

    Scores of moments are those of their window, the saliency of a clip is the mean over the windows with it. Windows
    without a picture are passed over. The rest is as with short videos (`finish`).
    """
    whole = features.batch([index])
    n_clips = features.n_clips(index)
    seen = whole.seen_mask[0]
    spans = [span for span in cut_spans(n_clips, longest) if seen[slice(*span)].any()]
    parts = []
    for first in range(0, len(spans), config.batch_size):
        chosen = spans[first : first + config.batch_size]
        inputs = _cut(whole, chosen, network.config)
        outputs = network(inputs.to(device), moments=moments).to("cpu")
        for sample, span in enumerate(chosen):
            item = Predicted(features.rows[index], sample, inputs, outputs)
            parts.append((span, raw_row(item, features.clip_seconds, config.round_to_clips)))
    return finish(merge(parts, n_clips, features.clip_seconds), seen, features.clip_seconds, config.duplicate_iou)


def merge(parts: Sequence[tuple[Span, dict[str, Any]]], n_clips: int, clip_seconds: float) -> dict[str, Any]:
    """One row of the rows of all spans, whose times count from the start of their span; NaN for clips of no span."""
    total, count = torch.zeros(n_clips, dtype=torch.float64), torch.zeros(n_clips, dtype=torch.float64)
    found: list[list[float]] = []
    for (first, stop), row in parts:
        total[first:stop] += torch.tensor(row["pred_saliency_scores"], dtype=torch.float64)
        count[first:stop] += 1
        shift = first * clip_seconds
        for start, end, score in row.get("pred_relevant_windows", []):
            found.append([round(start + shift, 4), round(end + shift, 4), score])
    merged = {key: parts[0][1][key] for key in ("qid", "query", "vid")}
    if "pred_relevant_windows" in parts[0][1]:
        merged["pred_relevant_windows"] = found
    return {**merged, "pred_saliency_scores": (total / count).tolist()}


def _cut(whole: Inputs, spans: Sequence[Span], config: ModelConfig) -> Inputs:
    """One query about a whole video as a batch of equally long spans, each of them a video of its own."""

    def cut(values: Tensor) -> Tensor:
        return torch.stack([values[0, first:stop] for first, stop in spans])

    def restart(values: Tensor, has_endpoints: bool) -> Tensor:
        values = cut(values)
        if has_endpoints:
            values[..., -2:] = torch.from_numpy(endpoints(values.shape[1]))
        return values

    copies = len(spans)
    audio = None if whole.audio is None else restart(whole.audio, doubles_endpoints(config))
    return Inputs(
        restart(whole.video, config.endpoint_features),
        cut(whole.video_mask),
        whole.text.expand(copies, -1, -1),
        whole.text_mask.expand(copies, -1),
        audio,
        None if whole.audio_mask is None else cut(whole.audio_mask),
        None if whole.seen is None else cut(whole.seen),
    )
