"""All queries of a split, about short videos and long ones alike: rows of predictions and of the gate log."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch

from formats.gate_log import add_sound, merge_gate_rows
from formats.predictions import merge_predictions
from formats.rows import Row
from model.config import InferenceConfig
from model.data.feature_set import FeatureSet
from model.inference.gate_means import log_gates
from model.inference.long_videos import clips_in, predict_windows
from model.inference.postprocessing import finish
from model.inference.predict import predict, raw_prediction, submission_row
from model.network.detector import HighlightDetector


@dataclass(frozen=True)
class Answer:
    """What is written of query `index`; `gates` is None where they are not logged."""

    index: int
    row: Row
    gates: Row | None


def answer(
    network: HighlightDetector,
    features: FeatureSet,
    config: InferenceConfig,
    device: str,
    moments: bool,
    logged: Collection[int],
) -> Iterator[Answer]:
    """Predict for all queries, those about videos longer than `config.window_seconds` last.

    Args:
        moments: False leaves the decoder out.
        logged: the queries whose gates are wanted.
    """
    network.to(device)
    longest = clips_in(config.window_seconds, features.clip_seconds)
    long = [index for index in range(len(features)) if longest and features.n_clips(index) > longest]
    short = sorted(set(range(len(features))).difference(long))
    gating, seconds = network.config.gating_type, features.clip_seconds
    for index, item in zip(short, predict(network, features, config.batch_size, device, moments, short), strict=True):
        row = submission_row(item, seconds, config.round_to_clips, config.duplicate_iou)
        gates = _add_sound(log_gates(item, gating, seconds), features, index) if index in logged else None
        yield Answer(index, row, gates)
    for index in long:
        parts, gate_rows = [], []
        for span, item in predict_windows(network, features, index, longest, config.batch_size, device, moments):
            parts.append((span, raw_prediction(item, seconds, config.round_to_clips)))
            if index in logged:
                gate_rows.append((span, log_gates(item, gating, seconds)))
        n_clips = features.n_clips(index)
        merged = merge_predictions(parts, n_clips, seconds)
        row = finish(merged, torch.from_numpy(features.seen(index)), seconds, config.duplicate_iou).to_row()
        gates = _add_sound(merge_gate_rows(gate_rows, n_clips, seconds), features, index) if gate_rows else None
        yield Answer(index, row, gates)


def _add_sound(row: Row, features: FeatureSet, index: int) -> Row:
    return add_sound(row, features.levels(index), features.novelty(index))
