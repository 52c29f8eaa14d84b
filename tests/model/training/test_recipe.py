"""Parts of the recipe: learning rate, averaged weights, early stopping, precision, TensorBoard."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from cli import UserError
from cli.outputs import PART
from formats.annotations import read_annotations
from model.checkpoint import load_network
from model.config import ModelConfig, TrainConfig, TrainStage
from model.data.feature_set import FeatureSet
from model.data.streams import Streams
from model.network.detector import HighlightDetector
from model.training.batches import Plan
from model.training.distributed import Processes
from model.training.engine import Engine
from model.training.recipe import AveragedWeights, learning_rate
from model.training.trainer import Outcome, Running, train
from model.training.validation import validate
from tests.model.small_data import SMALL, STILL, Data, Json, read_rows, write_data

MODEL = ModelConfig.from_dict({**SMALL, **STILL})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("data"), [12] * 12)


def fit(data: Data, out: Path, running: Running | None = None, **keys: Any) -> list[Json]:
    stage = TrainStage.from_dict({"model": {**SMALL, **STILL}, "train": {"batch_size": 4, **keys}})
    streams = Streams(data.stores)
    splits = [FeatureSet(stage.model, read_annotations([path]), streams) for path in (data.train, data.val)]
    train(stage, splits[0], splits[1], 3, Outcome(out), running or Running())
    return read_rows(out / "history.jsonl")


def test_learning_rates() -> None:
    step = TrainConfig(learning_rate=2.0, lr_drop=3, epochs=8)
    rates = [learning_rate(step, i, 10) for i in (0, 29, 30, 59, 60)]
    assert rates == pytest.approx([2.0, 2.0, 0.2, 0.2, 0.02])
    cosine = TrainConfig(learning_rate=2.0, schedule="cosine", warmup_steps=4, epochs=2)
    rates = [learning_rate(cosine, i, 12) for i in (0, 1, 3, 4, 14, 24)]
    assert rates == pytest.approx([0.5, 1.0, 2.0, 2.0, 1.0, 0.0])
    assert learning_rate(cosine, 23, 12) == pytest.approx(1 + math.cos(math.pi * 19 / 20))


def test_averaged_weights() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 0.0)
    average = AveragedWeights(network, 0.5)
    torch.nn.init.constant_(network.weight, 1.0)
    # The first steps count more than the decay says: (1 + 0) / (10 + 0) of the start is kept.
    average.update_parameters(network)
    assert average.weights["weight"].item() == pytest.approx(0.9)
    average.count(1000)
    average.update_parameters(network)
    assert average.weights["weight"].item() == pytest.approx(0.95)
    assert network.weight.item() == 1.0


def test_averaged_weights_are_what_is_validated_and_saved(data: Data, tmp_path: Path) -> None:
    lines = fit(data, tmp_path / "mean", epochs=4, validate_every=2, ema_decay=0.99)
    plain = fit(data, tmp_path / "plain", epochs=4, validate_every=2)
    # The averages do not act on training itself.
    assert [line["train"] for line in lines] == [line["train"] for line in plain]
    mean, about = load_network(tmp_path / "mean/last.pt")
    own, _ = load_network(tmp_path / "plain/last.pt")
    assert not torch.equal(mean.class_head.weight, own.class_head.weight)
    val_set = FeatureSet(MODEL, read_annotations([data.val]), Streams(data.stores))
    assert validate(mean, val_set, "cpu", "moments_and_saliency").scores == about["val"] == lines[-1]["val"]


def test_early_stopping(data: Data, tmp_path: Path) -> None:
    """With a learning rate of next to nothing the first validation stays the best."""
    lines = fit(data, tmp_path, epochs=50, validate_every=2, patience=3, learning_rate=1e-12)
    assert [line["epoch"] for line in lines] == list(range(1, 9))
    assert load_network(tmp_path / "best.pt")[1]["epoch"] == 2
    assert load_network(tmp_path / "last.pt")[1]["epoch"] == 8
    assert not (tmp_path / "resume.pt").exists()


def test_what_a_killed_run_had_half_written_is_removed(data: Data, tmp_path: Path) -> None:
    """As large as the weights, and nobody else would."""
    for name in ("best.pt", "last.pt", "history.jsonl", "resume.pt"):
        (tmp_path / f".{name}.x1y2z3{PART}").mkdir()
        (tmp_path / f".{name}.x1y2z3{PART}" / name).write_bytes(b"half")
    assert len(list(tmp_path.iterdir())) == 4
    fit(data, tmp_path, epochs=2, validate_every=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "history.jsonl", "last.pt"]


def test_validating_more_often_does_not_change_training(data: Data, tmp_path: Path) -> None:
    """In the reference it does, as both draw from one generator (QD-DETR issue 40)."""
    often, seldom = (fit(data, tmp_path / str(every), epochs=4, validate_every=every, batch_size=4) for every in (1, 4))
    assert [line["train"] for line in often] == [line["train"] for line in seldom]


def test_bfloat16_trains_like_float32(data: Data, tmp_path: Path) -> None:
    keys: Json = {"epochs": 6, "validate_every": 6, "learning_rate": 2e-3}
    full, half = (
        [line["train"]["loss"] for line in fit(data, tmp_path / name, precision=name, **keys)]
        for name in ("float32", "bfloat16")
    )
    assert full != half
    assert half == pytest.approx(full, rel=0.05)
    assert half[-1] < 0.9 * half[0]
    network, _ = load_network(tmp_path / "bfloat16/last.pt")
    assert all(tensor.dtype == torch.float32 for tensor in network.state_dict().values())


def test_the_gradient_is_clipped(data: Data) -> None:
    features = FeatureSet(MODEL, read_annotations([data.train]), Streams(data.stores))
    config = TrainConfig(batch_size=4, gradient_clip=0.01)
    torch.manual_seed(0)
    engine = Engine(HighlightDetector(MODEL, features.dims), config, features, 3, Processes())
    engine.step(next(Plan(features, config, 3).epoch(1)), 0, 1e-3)
    gradients = {name: weight.grad for name, weight in engine.network.named_parameters() if weight.grad is not None}
    assert torch.stack([gradient.norm() for gradient in gradients.values()]).norm() > 0.1
    clipped = engine.optimizer.state_dict()["moments"]["mean"] / (1 - 0.9)  # the mean after one step
    assert clipped.norm().item() == pytest.approx(0.01, rel=1e-3)


def test_an_epoch_takes_every_query_once_and_can_begin_anywhere(data: Data) -> None:
    features = FeatureSet(MODEL, read_annotations([data.train]), Streams(data.stores))
    config = TrainConfig(batch_size=3)
    whole = list(Plan(features, config, 3).epoch(1))
    assert sorted(i for batch in whole for i in batch.indices) == list(range(8))
    assert [len(batch.indices) for batch in whole] == [3, 3, 2]
    rest = list(Plan(features, config, 3).epoch(1, first=1))
    for batch, other in zip(whole[1:], rest, strict=True):
        assert batch.indices == other.indices
        assert [t.lower for t in batch.targets] == [t.lower for t in other.targets]
    assert next(Plan(features, config, 3).epoch(2)).indices != whole[0].indices


def test_a_loss_that_is_no_number_ends_training(data: Data, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is NaN or infinite: lower train\.learning_rate"):
        fit(data, tmp_path, epochs=50, learning_rate=1e30)
    assert not (tmp_path / "last.pt").exists()


def test_more_windows_than_queries_are_refused() -> None:
    with pytest.raises(UserError, match=r"train\.max_windows must not exceed model\.num_queries"):
        TrainStage.from_dict({"model": {"num_queries": 4}, "train": {"max_windows": 5}})


def test_tensorboard_holds_the_history(data: Data, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the optional extra `tensorboard` is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    lines = fit(data, tmp_path / "run", Running(board=tmp_path / "log"), epochs=4, validate_every=2)
    log = EventAccumulator(str(tmp_path / "log"))
    log.Reload()
    points = [(event.step, round(event.value, 3)) for event in log.Scalars("train/loss")]
    assert points == [(line["epoch"], pytest.approx(line["train"]["loss"], abs=1e-3)) for line in lines]
    assert [event.step for event in log.Scalars("val/MR-full-mAP")] == [2, 4]
