"""Examples over time: the curves match the log, with gaps where there is no sound, and missing data is explained."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import StepPatch

from eval.plots.gates.over_time import MOST_POINTS, choose_examples, draw_time, thin_out
from tests.eval.gate_logs import make_gate_rows

pytestmark = pytest.mark.usefixtures("styled")


def find_panels(figure, index=0):
    """Level, MHA, FFN and saliency of an example."""
    return [axes for axes in figure.axes if axes.axison][4 * index : 4 * index + 4]


def read_texts(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_curves_are_those_of_the_log_on_one_time_axis(view):
    rows = make_gate_rows(2, "clipwise")
    rows[0]["relevant_windows"] = [[2, 6]]
    level, mha, ffn, saliency = find_panels(draw_time(view(rows=rows)))
    assert {axes.get_xlim() for axes in (level, mha, ffn, saliency)} == {(0.0, 24.0)}
    steps = next(patch for patch in level.patches if isinstance(patch, StepPatch)).get_data()
    assert np.isnan(steps.values[:3]).all()
    assert steps.values[3:] == pytest.approx(rows[0]["audio_level_db"][3:])
    for axes, kind in ((mha, "gate_mha"), (ffn, "gate_ffn")):
        assert len(axes.lines) == 3
        for line, layer in zip(axes.lines, rows[0]["layer_gates"], strict=True):
            assert list(line.get_xdata()) == [2 * clip + 1 for clip in range(12)]
            assert np.isnan(line.get_ydata()[:3]).all()  # forced to 0 without sound
            assert line.get_ydata()[3:] == pytest.approx(np.array(layer[kind])[3:, 0])
    assert list(saliency.lines[0].get_ydata()) == rows[0]["saliency"]
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in mha.patches]
    assert (2.0, 6.0) in spans and (0.0, 6.0) in spans  # the window, the clips without audio


def test_global_gates_are_drawn_by_their_contribution(view):
    rows = make_gate_rows(2)
    _, mha, *_ = find_panels(draw_time(view(rows=rows)))
    assert "|g·Δ| / |x|" in mha.get_ylabel()
    assert mha.lines[1].get_ydata()[3:] == pytest.approx(rows[0]["contribution"][1]["mha"][3:])


def test_what_a_log_lacks_is_said_in_its_panel(view):
    level, mha, _, saliency = find_panels(draw_time(view(2, original=True)))
    assert "no audio_level_db" in read_texts(level)
    assert "one gate for the whole video" in read_texts(mha)
    assert "no saliency" in read_texts(saliency)
    level, mha, ffn, saliency = find_panels(draw_time(view(2, silent=1)))
    assert read_texts(level) == "no audio"
    assert read_texts(mha) == "no audio: nothing to gate"
    assert ffn.lines and saliency.lines  # are there without audio as well


def test_legend_names_only_what_is_drawn(view):
    rows = make_gate_rows(2, silent=1)
    for row in rows:  # no sound, and no gate that acts without: nothing but the saliency is drawn
        del row["contribution"]
    for log, expected in (
        (view(2), ["layer 1", "layer 2", "layer 3", "no audio"]),
        (view(2, original=True), []),
        (view(rows=rows), ["no audio"]),
    ):
        figure = draw_time(log)
        assert [text.get_text() for legend in figure.legends for text in legend.get_texts()] == expected


def test_curves_of_small_gates_fill_their_panels(view):
    _, mha, ffn, _ = find_panels(draw_time(view(2, "clipwise", size=5e-4)))
    for axes in (mha, ffn):
        curves = np.concatenate([line.get_ydata() for line in axes.lines])
        assert np.ptp(axes.get_ylim()) == pytest.approx(1.1 * np.nanmax(curves) - 1.1 * np.nanmin(curves))


def test_examples_come_from_each_group_in_turn(view):
    arranged = view(24)
    names = [name for _, name in choose_examples(arranged, 4)]
    assert names == ["audio informative", "audio not informative"] * 2
    assert choose_examples(view(2, silent=1), 4) == [(0, "no audio")]


def test_long_videos_are_drawn_as_means_of_neighbours(view):
    assert thin_out(np.arange(5.0)) == (pytest.approx(np.arange(5.0)), 1)
    means, together = thin_out(np.r_[np.arange(1000.0), [np.nan]])
    assert together == 7 and len(means) <= MOST_POINTS
    assert means[0] == 3.0 and means[-1] == 999 - 2.5  # 994 to 999, and one that is unknown
    assert np.isnan(thin_out(np.full(400, np.nan))[0]).all()
    saliency = find_panels(draw_time(view(2, "clipwise", clips=1000)))[3]
    assert len(saliency.lines[0].get_xdata()) == 143
    assert "mean of 7 clips" in saliency.get_xlabel()
