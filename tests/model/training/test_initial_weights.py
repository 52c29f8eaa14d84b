"""Starting from the weights of another training."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from cli import UserError
from model.checkpoint import NoNetwork, load_network, save_no_network
from model.config import ModelConfig
from model.network.detector import HighlightDetector
from model.training.trainer import _copy_weights
from tests.model.small_data import SMALL, Data, run, train_command, write_data
from tests.model.training.small_runs import SALIENCY, fit, read


def test_pre_training_on_captions_and_fine_tuning(tmp_path: Path) -> None:
    for name in ("captions", "moments"):
        (tmp_path / name).mkdir()
    captions = write_data(tmp_path / "captions", [12] * 12, "captions")
    lines = fit(captions, tmp_path / "first", epochs=20, validate_every=20, learning_rate=2e-3)
    assert lines[-1]["train"]["loss"] < 0.8 * lines[0]["train"]["loss"]
    assert "MR-full-mAP" in lines[-1]["val"] and "HL-min-VeryGood-mAP" not in lines[-1]["val"]
    # Fine-tuning starts where pre-training ended: its first epoch is better than that of a run from scratch.
    moments = write_data(tmp_path / "moments", [12] * 12)
    start, _ = load_network(tmp_path / "first" / "last.pt")
    tuned = fit(moments, tmp_path / "tuned", start=start, epochs=1)
    fresh = fit(moments, tmp_path / "fresh", epochs=1)
    assert tuned[0]["train"]["loss"] < 0.8 * fresh[0]["train"]["loss"]


def test_weights_of_another_shape_are_refused(tvsum: Data, tmp_path: Path) -> None:
    train_set, _ = read(tvsum)
    wider = HighlightDetector(ModelConfig.from_dict({**SMALL, "hidden_dim": 32}), train_set.dims)
    with pytest.raises(
        UserError, match=r"--init-from: audio_projection\.\S+ is 32 in the checkpoint, 16 in this network"
    ):
        fit(tvsum, tmp_path, start=wider, **SALIENCY, epochs=1)
    plain = HighlightDetector(ModelConfig.from_dict({**SMALL, "fusion": "none"}), train_set.dims)
    with pytest.raises(UserError, match=r"--init-from: audio_projection\.\S+ is absent in the checkpoint"):
        fit(tvsum, tmp_path, start=plain, **SALIENCY, epochs=1)


def test_weights_that_nobody_could_train_leave_a_run_out(tvsum: Data, tmp_path: Path) -> None:
    """A domain without videos where it was to be pre-trained must not end the study of all domains."""
    save_no_network(tmp_path / "none.pt", "no query has features")
    command = train_command(tvsum, tmp_path / "out", {"model": SMALL, "train": {**SALIENCY, "epochs": 1}})
    given = [*command, "--init-from", str(tmp_path / "none.pt")]
    done = run(*given)
    assert done.returncode == 1 and "no query has features" in done.stderr.splitlines()[-1]
    done = run(*given, "--leave-out")
    assert done.returncode == 0 and "left out, nothing is trained" in done.stderr
    with pytest.raises(NoNetwork, match="no query has features"):
        load_network(tmp_path / "out" / "last.pt")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_heads", 4),
        ("query_product", True),
        ("anchors", "proposed"),
        ("fusion_n_heads", 4),
        ("gating_type", "clipwise"),
        ("video_streams", ("other",)),
        ("audio_streams", ("other",)),
        ("text_stream", "other"),
    ],
)
def test_weights_of_one_shape_that_mean_other_things_are_refused(
    tvsum: Data, tmp_path: Path, key: str, value: Any
) -> None:
    train_set, _ = read(tvsum)
    other = HighlightDetector(ModelConfig.from_dict({**SMALL, key: value}), train_set.dims)
    with pytest.raises(
        UserError, match=rf"--init-from: model\.{key} is {re.escape(repr(value))} in the checkpoint, .* in this network"
    ):
        fit(tvsum, tmp_path, start=other, **SALIENCY, epochs=1)


def test_weights_of_another_recipe_are_taken(tvsum: Data) -> None:
    """Nor does it matter what the gates would be that a network lacks."""
    train_set, _ = read(tvsum)
    keys = {**SMALL, "fusion": "none"}
    start = HighlightDetector(
        ModelConfig.from_dict({**keys, "dropout": 0.3, "gating_type": "clipwise"}), train_set.dims
    )
    network = HighlightDetector(ModelConfig.from_dict(keys), train_set.dims)
    _copy_weights(start, network)
    assert torch.equal(network.class_head.weight, start.class_head.weight)
