"""Gates over training: the numbers match the history, and old histories without gates are handled."""

from __future__ import annotations

import numpy as np
import pytest

from cli import UserError
from eval.plots.gates.over_training import average_histories, draw_training, read_gate_history
from tests.eval.gate_logs import make_history

pytestmark = pytest.mark.usefixtures("styled")


def test_lines_are_the_layers_at_validated_epochs():
    history = make_history(20)
    figure = draw_training(history)
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    for title, kind in (("MHA gate", "mha"), ("Contribution of the FFN update", "ffn_contribution")):
        lines = panels[title].lines[:3]
        for layer, line in enumerate(lines):
            assert list(line.get_xdata()) == [4, 9, 14, 19]
            assert list(line.get_ydata()) == [history[epoch]["gates"][kind][layer] for epoch in (4, 9, 14, 19)]


@pytest.mark.parametrize(
    ("epochs", "every", "expected"), [(1, 1, [0]), (2, 1, [0, 1]), (5, 5, [4]), (200, 50, range(49, 200))]
)
def test_ticks_are_epochs_of_the_training(epochs, every, expected):
    for axes in draw_training(make_history(epochs, every=every)).axes:
        ticks = axes.get_xticks().tolist()
        assert ticks and set(ticks) <= set(expected)
        low, high = axes.get_xlim()
        assert low < min(ticks) and max(ticks) < high


def test_an_old_history_without_contributions_keeps_its_epochs():
    history = make_history(10)
    for row in history:
        row["gates"] = row["gates"] and {kind: row["gates"][kind] for kind in ("mha", "ffn")}
    assert draw_training(history).axes[0].get_xticks().size


def test_lines_of_small_gates_fill_their_panels():
    history = make_history(10)
    for row in history:
        row["gates"] = row["gates"] and {kind: [5e-4 * value for value in row["gates"][kind]] for kind in row["gates"]}
    axes = draw_training(history).axes[0]
    values = np.concatenate([line.get_ydata() for line in axes.lines])
    assert np.ptp(axes.get_ylim()) == pytest.approx(1.1 * np.ptp(values))


def test_title_says_what_the_means_are_over():
    assert "whose video has sound" in draw_training(make_history(2)).get_suptitle()


def test_a_kind_may_be_missing_at_an_epoch():
    history = make_history(10)
    history[4]["gates"]["mha_contribution"] = None
    epochs, found = read_gate_history(history)
    assert epochs.tolist() == [4, 9]
    assert np.isnan(found["mha_contribution"][0]).all() and np.isfinite(found["mha_contribution"][1]).all()


@pytest.mark.parametrize(
    ("history", "words"),
    [(None, "no history was given"), ([{"epoch": 0, "train": {"loss": 1.0}, "val": None}], "holds no gates")],
)
def test_what_is_missing_is_said(history, words):
    axes = draw_training(history).axes[0]
    assert words in axes.texts[0].get_text()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"epoch": 9, "gates": {"mha": [0.5, None]}}, "row 2: gates.mha: must be n numbers"),
        ({"epoch": 9, "gates": [0.5]}, "row 2: needs 'epoch'"),
        ({"epoch": "9", "gates": {"mha": [0.5]}}, "row 2: needs 'epoch'"),
        ({"epoch": 9, "gates": {"mha": [0.5]}}, "the number of layers changes"),
    ],
)
def test_faults_are_named(row, message):
    with pytest.raises(UserError, match=message):
        read_gate_history([make_history(1)[0], row])


def test_networks_are_averaged_at_the_epochs_that_all_of_them_validated():
    first = [{"epoch": epoch, "gates": {"mha": [0.2, 0.4], "ffn": None}} for epoch in (1, 2, 3)]
    second = [{"epoch": 0, "gates": None}, *({"epoch": e, "gates": {"mha": [0.6, 0.6], "ffn": [1, 2]}} for e in (2, 3))]
    second[-1]["gates"]["mha"] = None
    mean = average_histories({"first": first, "second": second})
    assert [row["epoch"] for row in mean] == [2, 3]
    np.testing.assert_allclose(mean[0]["gates"]["mha"], [0.4, 0.5])
    assert mean[1]["gates"] == {"mha": [0.2, 0.4], "ffn": [1, 2]}  # over those that have it
    assert average_histories({"first": first}) == first
    with pytest.raises(UserError, match=r"first and other: gates\.mha: the numbers of layers differ"):
        average_histories({"first": first, "other": [{"epoch": 2, "gates": {"mha": [0.1]}}]})
