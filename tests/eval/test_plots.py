"""Pictures: they come out for every size and kind of input, and equal input gives equal bytes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from cli import UserError
from eval.gates import read_gate_log
from eval.plots.gates import SCALES, _choose_limits, plot_gates
from eval.plots.style import fit_text
from eval.plots.summary import plot_summary
from eval.plots.training import find_best, plot_training
from eval.summarise import summarise


@pytest.fixture(autouse=True)
def strict_warnings():
    # A layout that does not fit, or a missing glyph, is only a warning of matplotlib.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Width is 13 inches at 150 dpi; the height follows the rows: heatmaps, then up to two examples.
@pytest.mark.parametrize(
    ("count", "gating", "original", "film"),
    [
        (1, "global", False, False),
        (1, "global", True, False),
        (5, "clipwise", False, True),
        (5, "elementwise", True, False),
        (500, "global", False, True),
    ],
)
def test_gate_sheet(tmp_path, write, gate_rows, png_size, count, gating, original, film):
    log = read_gate_log(write("gate_logs_val_Nall.jsonl", gate_rows(count, gating, original, film)))
    truth = [
        {"qid": qid, "query": "a $5 note falls", "audio_informative": qid % 4 < 2, "relevant_windows": [[2, 8]]}
        for qid in range(count)
    ]
    plot_gates(log, tmp_path / "gates.png", "Run base", truth)
    width, height = png_size(tmp_path / "gates.png")
    assert width == 1950
    examples = 0 if gating == "global" and original else min(count, 2)
    heatmaps = 3 if film else 2
    assert height == pytest.approx(150 * (1.6 + heatmaps * 2.39 + examples * 2.75), abs=2)


def test_equal_input_gives_equal_bytes(tmp_path, write, gate_rows):
    log = read_gate_log(write("log.jsonl", gate_rows(6, "clipwise")))
    plot_gates(log, tmp_path / "one.png")
    plot_gates(log, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert b"Software" not in (tmp_path / "one.png").read_bytes()


@pytest.mark.parametrize("value", [0.0, 0.661])
def test_gate_sheet_of_equal_values_and_long_names(tmp_path, write, gate_rows, value):
    rows = gate_rows(6)
    for row in rows:
        row["vid"] = "a_very_long_name_" * 12 + row["vid"]
        row["layer_gates"] = [{"gate_mha": [[value]], "gate_ffn": [[0.0]]}] * 3
    plot_gates(read_gate_log(write("log.jsonl", rows)), tmp_path / "gates.png", "a title " * 40)


def test_gate_sheet_where_no_video_has_audio(tmp_path, write, gate_rows):
    rows = gate_rows(6, "clipwise")[4:]
    plot_gates(read_gate_log(write("log.jsonl", rows)), tmp_path / "gates.png")


def test_colours_of_signed_gates_are_centred_and_never_too_narrow():
    assert _choose_limits(np.array([-0.1, 0.3]), SCALES["ffn"]) == (-0.3, 0.3)
    assert _choose_limits(np.zeros(3), SCALES["ffn"]) == (-0.01, 0.01)
    assert _choose_limits(np.full(3, 0.5), SCALES["mha"]) == pytest.approx((0.475, 0.525))
    assert _choose_limits(np.array([0.2, 0.9]), SCALES["mha"]) == (0.2, 0.9)


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
    for name in ("one.png", "two.png"):
        plot_training(make_history(epochs, validated), tmp_path / name)
    assert png_size(tmp_path / "one.png") == (1650, 930)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_best_epoch_is_the_first_maximum():
    assert find_best(([0, 5, 10], [1.0, 3.0, 3.0])) == (5, 3.0)


def test_training_faults_are_named(tmp_path):
    with pytest.raises(UserError, match="row 1: needs 'epoch'"):
        plot_training([{"loss": 1}], tmp_path / "x.png")
    with pytest.raises(UserError, match="validated with 'mAP'"):
        plot_training(make_history(2), tmp_path / "x.png", best_by="mAP")


@pytest.mark.parametrize("runs", [1, 12])
def test_summary_picture(tmp_path, png_size, runs):
    files = [
        (
            f"{run} {seed}",
            {
                "brief": {"MR-full-R1@0.5": 50.0 + run + seed, "MR-full-mAP": 30.0 if run else None},
                "subsets": {"modality=audio": {"queries": 3, "MR-full-R1@0.5": 40.0}},
                "about": {"run": "random" if run == 11 else f"run {run} " * 9, "seed": seed},
            },
        )
        for run in range(runs)
        for seed in range(2)
    ]
    summary = summarise(files)
    for name in ("one.png", "two.png"):
        plot_summary(summary, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert png_size(tmp_path / "one.png")[1] == pytest.approx(150 * (0.34 * runs + 1.9), abs=2)
    with pytest.raises(UserError, match="not a summary"):
        plot_summary({}, tmp_path / "x.png")


def test_long_text_loses_its_middle():
    assert fit_text("short", 10) == "short"
    assert fit_text("abcdefghij\nklmnop", 9) == "abcd…mnop"
