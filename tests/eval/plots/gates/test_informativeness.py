"""Gates against the sound: which points are drawn, and the statistics of these points."""

from __future__ import annotations

import numpy as np
import pytest

from eval.plots.gates.informativeness import MOST_DOTS, areas, draw_informativeness, pair
from tests.eval.gate_logs import make_gate_rows

pytestmark = pytest.mark.usefixtures("styled")


def test_points_are_clips_with_sound_where_gates_are_by_clip(view):
    rows = make_gate_rows(8, "clipwise")
    measured, gates = pair(view(rows=rows), "mha", "level_db")
    expected = sorted(
        (level, gate[0])
        for row in rows[::2]
        for level, gate in zip(row["audio_level_db"], row["layer_gates"][1]["gate_mha"], strict=True)
        if level is not None
    )
    assert sorted(zip(measured.tolist(), gates[:, 1].tolist(), strict=True)) == expected


def test_points_are_videos_where_gates_are_global(view):
    arranged = view(8)
    measured, gates = pair(arranged, "ffn", "level_db")
    assert gates == pytest.approx(arranged.means["ffn"][arranged.heard()])
    assert measured == pytest.approx([np.nanmean(arranged.log.samples[i].level_db) for i in arranged.heard()])


def test_a_gate_that_follows_the_level_has_the_higher_correlation(view):
    figure = draw_informativeness(view(40, "clipwise"))
    level = figure.axes[1]
    first, second, _ = (float(text) for text in level.get_title(loc="left").split(": ")[1].split())
    assert first > 0.25 > abs(second)  # the generator lets layer 1 rise with the level


def test_area_is_one_where_all_informative_samples_are_higher(view):
    arranged = view(40)
    assert areas(arranged, "mha").tolist() == [1.0, 1.0, 1.0]
    texts = [text.get_text() for text in draw_informativeness(arranged).axes[0].texts]
    assert texts == ["AUC\n1.00", "1.00", "1.00"]
    assert areas(view(40, original=True), "mha") is None


@pytest.mark.parametrize("layers", [4, 12, 24])
def test_every_layer_has_its_area_and_its_correlation(view, layers):
    arranged = view(40, layers=layers)
    figure = draw_informativeness(arranged)
    for labelled, level, kind in ((figure.axes[0], figure.axes[1], "mha"), (figure.axes[3], figure.axes[4], "ffn")):
        texts = [text.get_text().split()[-1] for text in labelled.texts]
        assert texts == [f"{area:.2f}" for area in areas(arranged, kind)]
        assert [text.get_position()[0] for text in labelled.texts] == list(range(layers))
        assert len(level.get_title(loc="left").split(": ")[1].split()) == layers


def test_legend_names_layers_only_where_they_are_drawn(view):
    def read_legend(figure):
        return [text.get_text() for legend in figure.legends for text in legend.get_texts()]

    assert read_legend(draw_informativeness(view(8)))[-3:] == ["layer 1", "layer 2", "layer 3"]
    assert read_legend(draw_informativeness(view(8, silent=1))) == []


def test_dots_are_thinned_out_evenly(view):
    axes = draw_informativeness(view(400, "clipwise")).axes[1]
    assert [len(line.get_xdata()) for line in axes.lines] == [MOST_DOTS // 3] * 3


def test_what_is_missing_is_said(view):
    for log, expected in (
        (view(8, original=True), ["audio_informative", "no audio_level_db", "no audio_novelty"]),
        (view(8, silent=1), ["no sample has audio"] * 3),
    ):
        panels = draw_informativeness(log).axes[:3]
        for axes, words in zip(panels, expected, strict=True):
            assert words in axes.texts[0].get_text()
    equal = draw_informativeness(view(8, equal=0.5)).axes[1]
    assert equal.get_title(loc="left") == "ρ: needs values that differ"
