"""A run that is killed goes on as if nothing had happened."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch

from cli import UserError
from cli.ownership import owning
from formats.annotations import read_annotations
from model.checkpoint import load_network
from model.config import ModelConfig, TrainConfig, TrainStage
from model.data.feature_set import FeatureSet, Streams
from model.network.detector import HighlightDetector
from model.training import trainer
from model.training.batches import Plan
from model.training.distributed import Processes
from model.training.engine import Engine
from model.training.resume import Keeper, Progress
from model.training.run import train_run
from tests.killing import kill_at
from tests.model.small_data import SMALL, Data, Json, run, train_command, write_data
from tests.unsealed import unseal

# Everything with a state: dropout, a schedule, averaged weights, and a last batch that is smaller.
CONFIG: Json = {
    "model": SMALL,
    "train": {
        "epochs": 20,
        "batch_size": 4,
        "validate_every": 2,
        "schedule": "cosine",
        "warmup_steps": 7,
        "ema_decay": 0.9,
        "learning_rate": 1e-3,
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("data"), [12] * 18)


@pytest.fixture(scope="module")
def undisturbed(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    done = run(*train_command(data, out, CONFIG))
    assert done.returncode == 0, done.stderr
    assert not (out / "resume.pt").exists()
    return out


def same_weights(first: Path, second: Path) -> bool:
    one, other = (load_network(path)[0].state_dict() for path in (first, second))
    return all(torch.equal(one[name], other[name]) for name in one)


def test_killed_at_several_steps_it_ends_with_the_same_weights(data: Data, undisturbed: Path, tmp_path: Path) -> None:
    command = train_command(data, tmp_path, CONFIG, "--save-every", "0")
    # Of 80 steps: the first; within the first epoch, its state written but not in place; and after some validations.
    for start, (count, before) in enumerate([(1, False), (3, True), (25, False), (30, True)]):
        environment = kill_at(tmp_path.with_name(f"hook{start}"), "resume.pt", count, before)
        killed = run(*command, environment=environment)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert ("resuming at epoch" in killed.stderr) == (start > 0)
        assert (tmp_path / "resume.pt").exists()
        # Snakemake deletes what a failed job has declared.
        for name in ("best.pt", "last.pt", "history.jsonl"):
            (tmp_path / name).unlink(missing_ok=True)
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "resuming at epoch" in done.stderr
    assert same_weights(tmp_path / "last.pt", undisturbed / "last.pt")
    assert same_weights(tmp_path / "best.pt", undisturbed / "best.pt")
    assert load_network(tmp_path / "best.pt")[1] == load_network(undisturbed / "best.pt")[1]
    for name in ("best.pt", "last.pt", "history.jsonl"):
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.pt", "history.jsonl", "last.pt"]


@pytest.fixture
def engine(data: Data) -> Engine:
    """An engine that has done one step."""
    config = TrainConfig.from_dict(CONFIG["train"])
    model = ModelConfig.from_dict(SMALL)
    features = FeatureSet(model, read_annotations([data.train]), Streams(data.stores))
    torch.manual_seed(0)
    engine = Engine(HighlightDetector(model, features.dims), config, features, 3, Processes())
    engine.step(next(Plan(features, config, 3).epoch(1)), 0, 1e-3)
    return engine


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        (
            {"settings": {"train": {"learning_rate": 2.0}}, "seed": 1},
            "run with a different settings.train.learning_rate",
        ),
        ({"settings": {"train": {"learning_rate": 1.0}}, "seed": 2}, "run with a different seed"),
        (
            {"settings": {"train": {"learning_rate": 1.0, "epochs": 3}}, "seed": 1},
            "run with a different settings.train.epochs",
        ),
    ],
)
def test_a_state_of_another_run_is_thrown_away(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture, identity: dict[str, Any], message: str
) -> None:
    saved = {"settings": {"train": {"learning_rate": 1.0}}, "seed": 1}
    Keeper(tmp_path / "resume.pt", saved, 0).save_if_due(engine, Progress(epoch=2, step=5))
    weights = {name: tensor.clone() for name, tensor in engine.network.state_dict().items()}
    with torch.no_grad():
        engine.network.global_token.zero_()
    assert Keeper(tmp_path / "resume.pt", identity, 0).load(engine) == Progress()
    assert f"{message}: starting from scratch" in caplog.text
    assert (engine.network.global_token == 0).all()
    # Of the same run it is taken up.
    assert Keeper(tmp_path / "resume.pt", saved, 0).load(engine) == Progress(epoch=2, step=5)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in engine.network.state_dict().items())


def test_other_features_or_labels_are_other_data(data: Data, tmp_path: Path) -> None:
    model = ModelConfig.from_dict(SMALL)
    rows = read_annotations([data.train])
    first = FeatureSet(model, rows, Streams(data.stores)).digest()
    assert FeatureSet(model, rows, Streams(data.stores)).digest() == first
    relabelled = [{**rows[0], "saliency_scores": [[0, 4, 4]] * 4}, *rows[1:]]
    assert FeatureSet(model, relabelled, Streams(data.stores)).digest() != first
    with h5py.File(unseal(Path(shutil.copy(data.stores[1], tmp_path))), "r+") as store:
        store["features"][0, 0] += 1
    touched = [data.stores[0], tmp_path / data.stores[1].name, data.stores[2]]
    assert FeatureSet(model, rows, Streams(touched)).digest() != first


def test_a_damaged_state_is_thrown_away(engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keeper = Keeper(tmp_path / "resume.pt", {}, 0)
    keeper.save_if_due(engine, Progress(epoch=2))
    content = (tmp_path / "resume.pt").read_bytes()
    (tmp_path / "resume.pt").write_bytes(content[: len(content) // 2])
    assert keeper.load(engine) == Progress()
    assert "resume.pt: cannot be read" in caplog.text


def test_a_state_that_cannot_be_read_now_is_kept(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first error may be met by the comparison of checksums or by torch."""
    path = tmp_path / "resume.pt"
    keeper = Keeper(path, {}, 0)
    keeper.save_if_due(engine, Progress(epoch=2))
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, descriptors[1]))
    try:
        with pytest.raises(UserError, match=r"resume\.pt: cannot be read: too many open files$"):
            keeper.load(engine)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)
    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"resume\.pt: cannot be read: out of memory"):
        patch.setattr(torch, "load", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
        keeper.load(engine)
    assert keeper.load(engine).epoch == 2


def test_a_state_with_one_wrong_bit_is_thrown_away(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "resume.pt"
    keeper = Keeper(path, {}, 0)
    keeper.save_if_due(engine, Progress(epoch=2))
    weight = engine.network.global_token.detach().numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(weight)] ^= 1
    path.write_bytes(content)
    assert keeper.load(engine) == Progress()
    assert f"{path}: cannot be read (damaged since it was written: Bad CRC-32" in caplog.text


def test_the_first_state_is_written_at_once_and_the_next_when_due(engine: Engine, tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "resume.pt", {}, 3600)
    keeper.save_if_due(engine, Progress(epoch=2))
    keeper.save_if_due(engine, Progress(epoch=3))
    assert keeper.load(engine).epoch == 2


def test_a_best_checkpoint_that_another_job_took_along_is_written_again(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake deletes the outputs of a job before it starts it, also while an orphan of a killed one still runs."""
    write = trainer.write_rows

    def write_and_lose(path: Path, rows: list[Any]) -> None:
        write(path, rows)
        (tmp_path / "best.pt").unlink(missing_ok=True)

    monkeypatch.setattr(trainer, "write_rows", write_and_lose)
    stage = TrainStage.from_dict({**CONFIG, "train": {**CONFIG["train"], "epochs": 2}})
    saved = []
    monkeypatch.setattr(trainer, "save_checkpoint", lambda path, *_: (saved.append(path.name), path.touch()))
    train_run(stage, data.train, data.val, data.stores, tmp_path, 3)
    assert saved == ["best.pt", "best.pt", "last.pt"]


def test_one_process_at_a_time_trains_into_a_folder(data: Data, tmp_path: Path) -> None:
    stage = TrainStage.from_dict(CONFIG)
    with owning(tmp_path / "resume.pt"), pytest.raises(UserError, match=r"resume\.pt: process \d+ is making it"):
        train_run(stage, data.train, data.val, data.stores, tmp_path, 3)
    assert list(tmp_path.iterdir()) == []
