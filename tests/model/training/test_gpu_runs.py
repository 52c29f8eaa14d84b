"""Training on a GPU is deterministic, resumes exactly, and learns in bfloat16."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from formats.annotations import read_annotations
from model.checkpoint import load_network
from model.config import ModelConfig, TrainStage
from model.data.feature_set import FeatureSet, Streams
from model.training.trainer import Outcome, Running, train
from tests.killing import kill_at
from tests.model.small_data import SMALL, Data, Json, read_rows, run, train_command, write_data

pytestmark = pytest.mark.gpu

# Everything with a state: dropout, a schedule, averaged weights, and a last batch that is smaller.
TRAIN: Json = {"batch_size": 4, "schedule": "cosine", "warmup_steps": 7, "ema_decay": 0.9, "learning_rate": 1e-3}
# Heads as wide as the published ones (32), so that attention takes the same kernels.
WIDE: Json = {"hidden_dim": 64, "n_heads": 2, "fusion_n_heads": 2, "feedforward_dim": 64, "fusion_layers": 1}


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """Training sets them for its whole process."""
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("moments"), [12, 75, 60, 75, 31, 75, 75, 9, 75, 75, 20, 75, 40, 75])


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Few long videos: attention's backward pass then divides the keys among blocks, which may add up in any order."""
    return write_data(tmp_path_factory.mktemp("ratings"), [323, 49, 210, 130, 323, 300, 12, 40], "ratings")


def train_on(device: str, data: Data, out: Path, model: Json, keys: Json) -> Outcome:
    """Train from the same seed; returns the files."""
    stage = TrainStage.from_dict({"model": model, "train": {**TRAIN, **keys}})
    config = ModelConfig.from_dict(model)
    streams = Streams(data.stores)
    sets = [FeatureSet(config, read_annotations([path]), streams) for path in (data.train, data.val)]
    train(stage, sets[0], sets[1], 3, Outcome(out), Running(device))
    return Outcome(out)


def same_weights(first: Path, second: Path) -> bool:
    one, other = (load_network(path)[0].state_dict() for path in (first, second))
    return all(torch.equal(one[name], other[name]) for name in one)


SALIENCY: Json = {"objective": "saliency", "best_metric": "mAP"}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", [{"fusion": "none"}, {"fusion": "avigate"}, {"fusion": "avigate_custom"}], ids=str)
@pytest.mark.parametrize("keys", [{}, SALIENCY], ids=["moments", "saliency"])
def test_the_same_seed_gives_the_same_weights(
    gpu: str, moments: Data, ratings: Data, tmp_path: Path, precision: str, model: Json, keys: Json
) -> None:
    data = ratings if keys else moments
    keys = {**keys, "epochs": 4, "validate_every": 4, "precision": precision}
    first, second = (train_on(gpu, data, tmp_path / name, {**WIDE, **model}, keys) for name in ("first", "second"))
    assert same_weights(first.last, second.last)
    assert first.history.read_bytes() == second.history.read_bytes()


def test_killed_and_resumed_it_ends_with_the_same_weights(gpu: str, moments: Data, tmp_path: Path) -> None:
    config: Json = {"model": SMALL, "train": {**TRAIN, "epochs": 6, "validate_every": 2}}
    undisturbed, resumed = tmp_path / "undisturbed", tmp_path / "resumed"
    options = ("--device", gpu, "--save-every", "0")
    done = run(*train_command(moments, undisturbed, config, *options))
    assert done.returncode == 0, done.stderr
    command = train_command(moments, resumed, config, *options)
    # In the middle of the third epoch, whose first validation is done.
    killed = run(*command, environment=kill_at(tmp_path / "hook", "resume.pt", 6))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "resuming at epoch" in done.stderr
    assert same_weights(resumed / "last.pt", undisturbed / "last.pt")
    assert same_weights(resumed / "best.pt", undisturbed / "best.pt")
    assert (resumed / "history.jsonl").read_bytes() == (undisturbed / "history.jsonl").read_bytes()


@pytest.mark.parametrize("keys", [{}, SALIENCY], ids=["moments", "saliency"])
def test_it_learns_in_bfloat16(gpu: str, moments: Data, ratings: Data, tmp_path: Path, keys: Json) -> None:
    keys = {**keys, "epochs": 20, "validate_every": 20, "precision": "bfloat16", "learning_rate": 2e-3}
    lines = read_rows(train_on(gpu, ratings if keys.get("objective") else moments, tmp_path, SMALL, keys).history)
    assert lines[-1]["train"]["loss"] < 0.8 * lines[0]["train"]["loss"]


def test_a_network_trained_on_a_gpu_loads_on_the_cpu(gpu: str, moments: Data, tmp_path: Path) -> None:
    files = train_on(gpu, moments, tmp_path, SMALL, {"epochs": 1})
    network, about = load_network(files.best)
    assert {weight.device.type for weight in network.parameters()} == {"cpu"}
    assert about["epoch"] == 1
