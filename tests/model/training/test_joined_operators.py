"""Trainings with joined operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from formats.annotations import read_annotations
from model.checkpoint import load_network
from model.config import TrainConfig, TrainStage
from model.data.feature_set import FeatureSet
from model.data.streams import Streams
from model.network import joined
from model.training.engine import Engine
from model.training.trainer import Outcome, Running, train
from tests.model.small_data import SMALL, Data, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return write_data(tmp_path_factory.mktemp("data"), [12] * 12)


def fit(data: Data, out: Path, on: bool, **keys: Any) -> dict[str, Tensor]:
    """The weights after six steps."""
    recipe = {"batch_size": 4, "epochs": 3, "validate_every": 3, "joined_operators": on, **keys}
    stage = TrainStage.from_dict({"model": SMALL, "train": recipe})
    streams = Streams(data.stores)
    splits = [FeatureSet(stage.model, read_annotations([path]), streams) for path in (data.train, data.val)]
    train(stage, splits[0], splits[1], 3, Outcome(out), Running(save_every=0))
    return load_network(out / "last.pt")[0].state_dict()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_they_give_the_same_weights_up_to_rounding(data: Data, tmp_path: Path, precision: str) -> None:
    separate, found = (fit(data, tmp_path / str(on), on, precision=precision) for on in (False, True))
    assert not all(torch.equal(found[name], separate[name]) for name in separate)
    # Six steps of 1e-4: the sign of a gradient near 0 can differ in each.
    few = sum(int((found[name] - value).abs().gt(1e-5).sum()) for name, value in separate.items())
    assert few < (0.01 if precision == "float32" else 0.5) * sum(value.numel() for value in separate.values())
    for name, value in separate.items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=2 * 6e-4)


def test_an_interrupted_training_ends_with_the_same_bytes(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(data, tmp_path / "whole", True)
    step, calls = Engine.step, iter(range(9))

    def stop(*given: Any) -> dict[str, Tensor]:
        if next(calls) == 3:
            raise InterruptedError
        return step(*given)

    with monkeypatch.context() as patched, pytest.raises(InterruptedError):
        patched.setattr(Engine, "step", stop)
        fit(data, tmp_path / "parts", True)
    assert (tmp_path / "parts/resume.pt").exists()
    fit(data, tmp_path / "parts", True)
    assert (tmp_path / "parts/last.pt").read_bytes() == (tmp_path / "whole/last.pt").read_bytes()


def test_without_a_compiler_nothing_is_joined(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    separate = fit(data, tmp_path / "separate", False)
    joined._compile.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    found = fit(data, tmp_path / "joined", True)
    assert "train.joined_operators has no effect: [Errno 2] No such file or directory: 'gcc'" in caplog.messages
    assert all(torch.equal(found[name], separate[name]) for name in separate)


def test_the_setting_is_written_only_if_it_is_on() -> None:
    """So settings that earlier versions wrote are still those of an unfinished or finished training."""
    assert "joined_operators" not in TrainConfig().to_dict()
    given = TrainConfig(joined_operators=True)
    assert given.to_dict()["joined_operators"] and TrainConfig.from_dict(given.to_dict()) == given
