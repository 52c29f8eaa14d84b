"""Predict all queries of a split, for short and long videos: rows of predictions and of the gate log."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cli import UserError, track
from formats.gate_log import add_sound, merge_gate_rows
from formats.predictions import merge_predictions
from formats.rows import Row, write_rows
from model.audio_control import AudioControl
from model.checkpoint import NoNetwork, load_network
from model.config import InferenceConfig
from model.data.feature_set import FeatureSet, NoQueries
from model.data.origins import check_origins
from model.data.queries import name_scope, read_queries
from model.data.streams import Streams
from model.inference.gate_means import log_gates
from model.inference.long_videos import clips_in, predict_windows
from model.inference.postprocessing import finish
from model.inference.predict import predict, raw_prediction, submission_row
from model.network.detector import HighlightDetector

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The output rows of one query; `gates` is None if they are not logged."""

    row: Row
    gates: Row | None


def predict_split(
    config: InferenceConfig,
    checkpoint: Path,
    queries: Path,
    features: Sequence[Path],
    out: Path,
    *,
    gate_log: Path | None = None,
    domain: str | None = None,
    leave_out: bool = False,
    device: str = "cpu",
) -> list[Answer]:
    """Predict moments and saliency for the queries of a file, and write them.

    Args:
        checkpoint: made by `train_run` or `import_checkpoint`; it contains the network's configuration.
        queries: rows of queries, JSON lines; labels are not needed.
        features: stores of all streams that the network reads.
        out: predictions to write, JSON lines.
        gate_log: gate log to write, JSON lines, for `config.gate_sample_count` queries.
        domain: read only the rows of this domain (TVSum).
        leave_out: if the checkpoint holds no network, or no query has features, write empty files instead of failing.
        device: cpu, cuda or cuda:N.

    Returns:
        the written rows, in the order of the queries; queries without features are left out.

    Raises:
        UserError: a file is missing or malformed, the features do not fit the network, the network has no gates to log,
            or nothing is left to predict and `leave_out` is False.
    """
    try:
        network, about = load_network(checkpoint)
        rows, streams = read_queries(queries, domain), Streams(features)
        feature_set = FeatureSet(network.config, rows, streams, config.control, about.get("seed", 0))
    except (NoNetwork, NoQueries) as problem:
        if not leave_out:
            raise
        _log.warning("%s: left out, nothing is predicted: %s", name_scope(domain), problem)
        return _write([], out, gate_log)
    del streams  # as large as the set
    check_dims(network, feature_set, str(checkpoint))
    check_origins(about.get("features", {}), feature_set.origins, str(checkpoint))
    if gate_log and network.fusion is None:
        raise UserError(f"{checkpoint}: fusion {network.config.fusion!r} has no gates to log")
    _log.info("%s: epoch %s, seed %s", checkpoint, about.get("epoch"), about.get("seed"))
    count = len(feature_set) if config.gate_sample_count < 0 else config.gate_sample_count
    logged = range(count if gate_log else 0)
    answers = answer(network, feature_set, config, device, learnt_moments(about), logged)
    return _write(list(track(answers, f"infer {queries.stem}: queries", total=len(feature_set))), out, gate_log)


def check_dims(network: HighlightDetector, features: FeatureSet, where: str) -> None:
    """Raise UserError unless a network takes features of these widths. `where` names its checkpoint in the message."""
    if features.dims != network.dims:
        raise UserError(f"{where}: the network needs inputs {network.dims}, the features give {features.dims}")


def learnt_moments(about: Mapping[str, Any]) -> bool:
    """Whether a network predicts moments. One that learnt only saliency has an untrained decoder."""
    return about.get("objective") != "saliency"


def _write(answers: list[Answer], out: Path, gate_log: Path | None) -> list[Answer]:
    write_rows(out, [item.row for item in answers])
    if gate_log:
        write_rows(gate_log, [item.gates for item in answers if item.gates])
    return answers


def answer(
    network: HighlightDetector,
    features: FeatureSet,
    config: InferenceConfig,
    device: str,
    moments: bool,
    logged: Collection[int],
) -> Iterator[Answer]:
    """Predict all queries, in order. Videos longer than `config.window_seconds` are cut, and predicted one at a time.

    Args:
        moments: False skips the decoder.
        logged: the queries whose gates are logged.
    """
    network.to(device)
    longest = clips_in(config.window_seconds, features.clip_seconds)
    long = {index for index in range(len(features)) if longest and features.n_clips(index) > longest}
    # Batches contain only short videos, wherever the long ones occur among them.
    short = [index for index in range(len(features)) if index not in long]
    batch, precision = config.batch_size, config.precision
    whole = predict(network, features, batch, device, moments, short, precision)
    cut = predict_windows(network, features, sorted(long), longest, batch, device, moments, precision)
    gating, seconds = network.config.gating_type, features.clip_seconds
    for index in range(len(features)):
        gates = None
        if index not in long:
            item = next(whole)
            row = submission_row(item, seconds, config.round_to_clips, config.duplicate_iou)
            if index in logged:
                gates = log_gates(item, gating, seconds)
        else:
            windows, n_clips = next(cut), features.n_clips(index)
            parts = [(span, raw_prediction(item, seconds, config.round_to_clips)) for span, item in windows]
            merged = merge_predictions(parts, n_clips, seconds)
            row = finish(merged, torch.from_numpy(features.seen(index)), seconds, config.duplicate_iou).to_row()
            if index in logged:
                gate_rows = [(span, log_gates(item, gating, seconds)) for span, item in windows]
                gates = merge_gate_rows(gate_rows, n_clips, seconds)
        yield Answer(row, None if gates is None else _add_sound(gates, features, index, config.control))


def _add_sound(row: Row, features: FeatureSet, index: int, control: AudioControl) -> Row:
    # Of a control of all videos nothing is added: there are older logs of such ones.
    some = control.share < 1 and control.replaces
    replaced = features.rows[index]["vid"] in features.replaced if some else None
    return add_sound(row, features.levels(index), features.novelty(index), replaced)
