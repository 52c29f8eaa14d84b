"""Long videos: the network sees windows no longer than its training videos, and the predictions are merged.

The windows (spans of clips) overlap by half, so every moment of at most half a span lies entirely within one.
`formats.predictions` and `formats.gate_log` merge their rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import torch
from torch import Tensor

from formats.grid import Span
from model.config import ModelConfig, Precision
from model.data.feature_set import FeatureSet
from model.data.joined import endpoints
from model.data.streams import doubles_endpoints
from model.inference.predict import Predicted, in_precision
from model.network.detector import HighlightDetector
from model.network.tensors import Inputs


def clips_in(window_seconds: float, clip_seconds: float) -> int:
    """Number of whole clips in a window; 0 if videos are not cut."""
    return int(window_seconds / clip_seconds + 1e-6)


def cut_spans(n_clips: int, longest: int) -> list[Span]:
    """Spans of `longest` clips, one starting every `longest // 2` clips; the last one ends with the video.

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
    queries: Sequence[int],
    longest: int,
    batch_size: int,
    device: str,
    moments: bool = True,
    precision: Precision = "float32",
) -> Iterator[list[tuple[Span, Predicted]]]:
    """Predict each window of the video of each query in turn; the videos have more than `longest` clips.

    Windows without a picture are skipped. For neighbouring queries about one video, what does not depend on the query
    is computed once.
    """
    network.eval()
    for _, group in groupby(queries, lambda index: features.rows[index]["vid"]):
        indices = list(group)
        whole = features.batch(indices[:1])
        seen = whole.seen_mask[0]
        spans = [span for span in cut_spans(features.n_clips(indices[0]), longest) if seen[slice(*span)].any()]
        chunks = [spans[first : first + batch_size] for first in range(0, len(spans), batch_size)]
        cut = [_cut(whole, chosen, network.config) for chosen in chunks]
        with in_precision(precision, device):
            fused = [network.fuse(inputs.to(device)) for inputs in cut]
        for index in indices:
            text, text_mask = (of_query.to(device) for of_query in features.texts([index]))
            windows = []
            for chosen, inputs, videos in zip(chunks, cut, fused, strict=True):
                texts, masks = text.expand(len(chosen), -1, -1), text_mask.expand(len(chosen), -1)
                with in_precision(precision, device):
                    outputs = network.read(videos, texts, masks, moments=moments).float().to("cpu")
                row = features.rows[index]
                windows += [(span, Predicted(row, sample, inputs, outputs)) for sample, span in enumerate(chosen)]
            yield windows


def _cut(whole: Inputs, spans: Sequence[Span], config: ModelConfig) -> Inputs:
    """Turn a whole video into a batch of equally long spans, each treated as a separate video; the text is kept."""

    def cut(values: Tensor) -> Tensor:
        return torch.stack([values[0, first:stop] for first, stop in spans])

    def restart(values: Tensor, has_endpoints: bool) -> Tensor:
        values = cut(values)
        if has_endpoints:
            values[..., -2:] = torch.from_numpy(endpoints(values.shape[1]))
        return values

    audio = None if whole.audio is None else restart(whole.audio, doubles_endpoints(config))
    return Inputs(
        restart(whole.video, config.endpoint_features),
        cut(whole.video_mask),
        whole.text,
        whole.text_mask,
        audio,
        None if whole.audio_mask is None else cut(whole.audio_mask),
        None if whole.seen is None else cut(whole.seen),
    )
