"""Long videos: a network sees stretches as long as those that it was trained on, and what it says is merged.

The stretches (spans of clips) overlap by half, so that every moment of at most half a span lies whole within one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from formats.rows import Row
from model.config import ModelConfig
from model.data.feature_set import FeatureSet
from model.data.streams import doubles_endpoints, endpoints
from model.inference.predict import Predicted
from model.network.detector import HighlightDetector
from model.network.tensors import Inputs

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
def predict_windows(
    network: HighlightDetector,
    features: FeatureSet,
    index: int,
    longest: int,
    batch_size: int,
    device: str,
    moments: bool = True,
) -> Iterator[tuple[Span, Predicted]]:
    """What the network says of each window of the video of query `index`, which has more than `longest` clips.

    Windows without a picture are passed over.
    """
    network.eval()
    whole = features.batch([index])
    seen = whole.seen_mask[0]
    spans = [span for span in cut_spans(features.n_clips(index), longest) if seen[slice(*span)].any()]
    for first in range(0, len(spans), batch_size):
        chosen = spans[first : first + batch_size]
        inputs = _cut(whole, chosen, network.config)
        outputs = network(inputs.to(device), moments=moments).to("cpu")
        for sample, span in enumerate(chosen):
            yield span, Predicted(features.rows[index], sample, inputs, outputs)


def merge(parts: Sequence[tuple[Span, Row]], n_clips: int, clip_seconds: float) -> Row:
    """One row of the rows of all windows, whose times count from the start of their window.

    Scores of moments are those of their window, the saliency of a clip is the mean over the windows with it; NaN for
    clips of no window.
    """
    found: list[list[float]] = []
    for (first, _), row in parts:
        shift = first * clip_seconds
        for start, end, score in row.get("pred_relevant_windows", []):
            found.append([round(start + shift, 4), round(end + shift, 4), score])
    merged = {key: parts[0][1][key] for key in ("qid", "query", "vid")}
    if "pred_relevant_windows" in parts[0][1]:
        merged["pred_relevant_windows"] = found
    saliency = _mean_over_windows([(span, row["pred_saliency_scores"]) for span, row in parts], n_clips)
    return {**merged, "pred_saliency_scores": saliency.tolist()}


def merge_gates(parts: Sequence[tuple[Span, Row]], n_clips: int, clip_seconds: float) -> Row:
    """One gate log row of the rows of all windows.

    What there is a clip (gates that are not global, contributions, saliency) is the mean over the windows with it, 0
    for clips of no window. A global gate is the mean over the windows; that of the sound, over those with sound.
    """
    rows = [row for _, row in parts]
    heard = np.zeros(n_clips, bool)
    for (first, stop), row in parts:
        heard[first:stop] |= row["audio_mask"]

    def average(values: Sequence[Any]) -> Any:
        spans = [span for span, _ in parts]
        return np.nan_to_num(_mean_over_windows(list(zip(spans, values, strict=True)), n_clips)).round(6).tolist()

    def gate(layer: int, name: str) -> Any:
        values = [row["layer_gates"][layer][name] for row in rows]
        if rows[0]["gating_type"] != "global":
            return average(values)
        if name == "gate_mha":
            # One that is 0 because there is nothing to gate says nothing.
            told = [value for value, row in zip(values, rows, strict=True) if row["has_audio"] or np.any(value)]
            values = told or values
        return np.mean(values, axis=0).round(6).tolist()

    layers = range(len(rows[0]["layer_gates"]))
    return {
        **rows[0],
        "layer_gates": [{name: gate(layer, name) for name in rows[0]["layer_gates"][layer]} for layer in layers],
        "clip_times": [[i * clip_seconds, (i + 1) * clip_seconds] for i in range(n_clips)],
        "audio_mask": heard.tolist(),
        "has_audio": bool(heard.any()),
        "contribution": [
            {name: average([row["contribution"][layer][name] for row in rows]) for name in ("mha", "ffn")}
            for layer in layers
        ],
        "saliency": average([row["saliency"] for row in rows]),
    }


def _mean_over_windows(parts: Sequence[tuple[Span, Any]], n_clips: int) -> NDArray[np.float64]:
    """Values a clip (or clip and channel) of each window, to those of the video: means; NaN for clips of no window."""
    total = np.zeros((n_clips, *np.shape(parts[0][1])[1:]))
    count = np.zeros((n_clips, *[1] * (total.ndim - 1)))
    for (first, stop), values in parts:
        total[first:stop] += values
        count[first:stop] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=np.broadcast_to(count > 0, total.shape))


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
