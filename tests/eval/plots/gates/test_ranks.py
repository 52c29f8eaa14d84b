"""The highest and the lowest gates: each kind has its own ranking, and axes start at 0."""

from __future__ import annotations

import pytest

from eval.plots.gates.ranks import choose_bar_limits, draw_top_bottom, rank_samples, split_ranks

pytestmark = pytest.mark.usefixtures("styled")


def read_labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_bars_of_gates_that_are_not_signed_start_at_0(view):
    arranged = view(12, size=5e-4)
    for values in (arranged, view(12, equal=0.0), view(12, equal=3e-4)):
        low, high = choose_bar_limits(values, "mha")
        assert low == 0 < high
    assert choose_bar_limits(arranged, "mha")[1] == pytest.approx(arranged.means["mha"].max() * 1.04)
    low, high = choose_bar_limits(view(12, size=5e-4, signed=True), "mha")
    assert -4e-4 < low < 0 < high < 4e-4


def test_each_kind_is_ranked_by_itself(view):
    arranged = view(60)
    assert rank_samples(arranged, "mha") != rank_samples(arranged, "ffn")
    figure = draw_top_bottom(arranged, topk=3)
    panels = figure.axes
    assert len(panels) == 4
    for row, kind in enumerate(("mha", "ffn")):
        means = {index: arranged.means[kind][index].mean() for index in arranged.heard()}
        ranked = sorted(means, key=lambda index: -means[index])
        for axes, expected in zip(panels[2 * row : 2 * row + 2], (ranked[:3], ranked[-3:]), strict=True):
            assert read_labels(axes) == [arranged.log.samples[index].vid for index in expected]
            assert [bar.get_width() for bar in axes.patches] == pytest.approx([means[index] for index in expected])
        assert panels[2 * row].get_xlim() == panels[2 * row + 1].get_xlim()
    assert panels[0].get_title(loc="left") == "MHA gate: top 3 of 20; 10 without audio left out"


def test_few_samples_are_one_ranking():
    assert split_ranks([4, 2, 7], 2) == [("all 3", [4, 2, 7])]
    assert split_ranks([4, 2, 7, 1, 0], 2) == [("top 2 of 5", [4, 2]), ("bottom 2", [1, 0])]
    assert split_ranks([], 10) == [("none to rank", [])]
    assert split_ranks([4], 10) == [("the only one", [4])]
