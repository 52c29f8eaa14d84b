"""Short trainings of a small network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from formats.annotations import read_annotations
from model.config import ModelConfig, TrainStage
from model.data.feature_set import FeatureSet, Streams
from model.network.detector import HighlightDetector
from model.training.trainer import Outcome, train
from tests.model.small_data import SMALL, STILL, Data, Json, read_rows

SALIENCY: Json = {"objective": "saliency", "best_metric": "mAP", "learning_rate": 2e-3}


def read(data: Data, **model: Any) -> tuple[FeatureSet, FeatureSet]:
    config, streams = ModelConfig.from_dict({**SMALL, **STILL, **model}), Streams(data.stores)
    first, second = (FeatureSet(config, read_annotations([path]), streams) for path in (data.train, data.val))
    return first, second


def fit(data: Data, out: Path, start: HighlightDetector | None = None, **keys: Any) -> list[Json]:
    stage = TrainStage.from_dict({"model": {**SMALL, **STILL}, "train": {"batch_size": 4, **keys}})
    train(stage, *read(data), 3, Outcome(out), start=start)
    return read_rows(out / "history.jsonl")
