"""Training curves: histories of any length, and equal bytes for equal input."""

from __future__ import annotations

import pytest

from cli import UserError
from eval.plots.training import find_best, plot_training


def make_history(epochs, validated=True):
    return [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "lr": 1e-4,
            "train": {"loss": 30 / (epoch + 1), "loss_span": 0.5, "loss_span_0": 0.7},
            "val": {"MR-full-mAP": 10.0 - (epoch - 1) ** 2, "MR-short-mAP": None} if validated else None,
        }
        for epoch in range(epochs)
    ]


@pytest.mark.parametrize(("epochs", "validated"), [(1, True), (1, False), (3, True), (50, False)])
def test_training_curves(tmp_path, png_size, epochs, validated):
    for name in ("one", "two"):
        plot_training(make_history(epochs, validated), [tmp_path / f"{name}.png", tmp_path / f"{name}.svg"])
    assert png_size(tmp_path / "one.png") == (1650, 930)
    for suffix in (".png", ".svg"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_a_single_epoch_is_the_only_tick(tmp_path):
    plot_training(make_history(1), [tmp_path / "one.svg"])
    assert ">0<" in (text := (tmp_path / "one.svg").read_text()) and ">0.1<" not in text


def test_best_epoch_is_the_first_maximum():
    assert find_best(([0, 5, 10], [1.0, 3.0, 3.0])) == (5, 3.0)


def test_training_faults_are_named(tmp_path):
    with pytest.raises(UserError, match="row 1: needs 'epoch'"):
        plot_training([{"loss": 1}], [tmp_path / "x.png"])
    for part, key, value, message in (
        ("train", "loss", float("nan"), "row 2: train.loss: holds NaN"),
        ("train", "loss_span", "0.5", "row 2: train.loss_span: must be"),
        ("val", "MR-full-mAP", 1e300, "row 2: val.MR-full-mAP: holds a number beyond"),
        ("val", "MR-full-mAP", True, "row 2: val.MR-full-mAP: must be"),
    ):
        history = make_history(2)
        history[1][part][key] = value
        with pytest.raises(UserError, match=message):
            plot_training(history, [tmp_path / "x.png"])
    with pytest.raises(UserError, match="row 1: 'val' must be an object or null, got 3"):
        plot_training([{**make_history(1)[0], "val": 3}], [tmp_path / "x.png"])
    with pytest.raises(UserError, match="row 1: lr: must be"):
        plot_training([{**make_history(1)[0], "lr": "fast"}], [tmp_path / "x.png"])
    with pytest.raises(UserError, match="no epoch has the metric 'mAP'"):
        plot_training(make_history(2), [tmp_path / "x.png"], best_by="mAP")
