"""Gates layer by layer: bars of means, spreads, contributions."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from eval.plots.gates.layers import MOST_DOTS, draw_contribution, draw_layerwise_means, draw_spread
from eval.plots.gates.parts import draw_parts
from tests.eval.gate_logs import make_gate_rows

pytestmark = pytest.mark.usefixtures("styled")


def read_texts(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_layerwise_means_leave_samples_without_audio_out(view):
    rows = make_gate_rows(12)
    arranged = view(rows=rows)
    figure = draw_layerwise_means(arranged)
    for axes, kind in zip(figure.axes, ("gate_mha", "gate_ffn"), strict=True):
        gates = np.array([[layer[kind][0][0] for layer in row["layer_gates"]] for row in rows if row["has_audio"]])[::2]
        assert [bar.get_height() for bar in axes.patches] == pytest.approx(gates.mean(0))
        deviations = [np.ptp(segment[:, 1]) / 2 for segment in axes.collections[0].get_segments()]
        assert deviations == pytest.approx(gates.std(0))
        crosses = next(line for line in axes.lines if line.get_marker() == "x")
        assert list(crosses.get_ydata()) == [0, 0, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "mean ± sd of 4 videos with audio", "mean of 2 without audio",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1e-7, 5e-4, 1.0])
def test_bars_are_labelled_with_values_that_differ_at_any_size(view, size):
    """Even with 12 layers, every bar has its number, in the order of the means."""
    arranged = view(12, layers=12, size=size, film=True)
    panels = draw_layerwise_means(arranged).axes
    assert len(panels) == 3
    for axes, kind in zip(panels, ("mha", "ffn", "beta"), strict=True):
        means = arranged.means[kind][arranged.heard()].mean(0)
        texts = [text.get_text() for text in axes.texts]
        assert len(set(texts)) == 12 and max(map(len, texts)) <= 10
        assert [float(text) for text in texts] == pytest.approx(means, rel=0.05, abs=0.005 * np.abs(means).max())


@pytest.mark.parametrize("layers", [4, 12, 24])
def test_layers_have_room_for_their_numbers(view, layers):
    figure = draw_layerwise_means(view(12, layers=layers, film=True))
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert [label.get_text() for label in axes.get_xticklabels()] == [str(n + 1) for n in range(layers)]
        assert axes.get_window_extent().width / figure.dpi / layers > 0.17


def test_spreads_fill_their_panels_though_0_is_far_away(view):
    rows = make_gate_rows(12)
    for row in rows:
        row["layer_gates"] = [{"gate_mha": [[0.5]], "gate_ffn": [[0.5 + 1e-4 * (row["qid"] // 2)]]}] * 3
    low, high = draw_parts(view(rows=rows)).axes[1].get_xlim()
    assert 0.49995 < low < 0.5 and 0.5004 < high < 0.5006


def test_spread_is_dots_then_boxes():
    axes = Figure().subplots()
    few = np.linspace(0, 1, MOST_DOTS)
    draw_spread(axes, 2, few, "#000000", 0.5)
    dots, mean = axes.lines
    assert sorted(dots.get_ydata()) == pytest.approx(few)
    assert np.abs(dots.get_xdata() - 2).max() <= 0.25
    assert list(mean.get_ydata()) == pytest.approx([0.5, 0.5])
    axes = Figure().subplots()
    draw_spread(axes, 2, np.linspace(0, 1, 101), "#000000", 0.5, horizontal=True)
    box = next(patch for patch in axes.patches if isinstance(patch, PathPatch))
    assert [box.get_path().vertices[:, 0].min(), box.get_path().vertices[:, 0].max()] == pytest.approx([0.25, 0.75])


def test_contributions_are_means_over_clips_with_audio(view):
    rows = make_gate_rows(2)
    axes = draw_contribution(view(rows=rows)).axes[0]
    heard = np.array(rows[0]["audio_mask"])
    expected = [np.array(layer["mha"])[heard].mean() for layer in rows[0]["contribution"]]
    assert [line.get_ydata()[0] for line in axes.lines] == pytest.approx(expected)
    assert "holds no contribution" in read_texts(draw_contribution(view(2, original=True)))


@pytest.mark.parametrize("log", [{"silent": 1}, {"equal": 0.0}])
def test_axes_of_gates_that_are_all_0_start_there(view, log):
    mha, ffn = draw_layerwise_means(view(6, **log)).axes
    assert mha.get_ylim()[0] == 0 and ffn.get_ylim()[0] < 0
