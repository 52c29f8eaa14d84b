"""Heatmaps of gates: the cells are the gates, each kind has its own scale, and samples without audio are hatched."""

from __future__ import annotations

import numpy as np
import pytest

from eval.plots.gates.heatmaps import draw_samples_layermean, draw_sections
from tests.eval.gate_logs import make_gate_rows

pytestmark = pytest.mark.usefixtures("styled")


def find_images(figure):
    """The heatmaps, without the colour bars."""
    return [image for axes in figure.axes for image in axes.images]


def test_cells_are_the_means_over_clips_with_audio(view):
    rows = make_gate_rows(12, "clipwise", layers=4)
    arranged = view(rows=rows)
    mha, ffn = find_images(draw_sections(arranged))
    assert mha.get_array().shape == (4, 6)
    for column, index in enumerate(arranged.columns):
        row = rows[index]
        heard = np.array(row["audio_mask"])
        for image, kind in ((mha, "gate_mha"), (ffn, "gate_ffn")):
            cells = image.get_array()[:, column]
            if not heard.any():
                assert cells.mask.all()  # nothing to gate
                continue
            for layer in range(4):
                gates = np.array(row["layer_gates"][layer][kind])[heard]
                assert cells[layer] == pytest.approx(gates.mean())


def test_each_kind_has_its_own_scale_of_the_samples_with_audio(view):
    arranged = view(20, film=True)
    heard = arranged.heard()
    for image, kind in zip(find_images(draw_sections(arranged)), ("mha", "ffn", "beta"), strict=True):
        values = arranged.means[kind][heard]
        reach = np.abs(values).max()
        expected = (values.min(), values.max()) if kind == "mha" else (-reach, reach)
        assert image.get_clim() == pytest.approx(expected)


def test_scale_of_an_mha_gate_that_is_signed_is_centred(view):
    arranged = view(20, signed=True)
    low, high = find_images(draw_sections(arranged))[0].get_clim()
    assert low == -high


def test_small_gates_that_separate_groups_have_different_colours(view):
    rows = make_gate_rows(12, layers=1)
    for row in rows:
        gate = (4.5e-4 if row["audio_informative"] else 2.7e-4) * row["has_audio"]
        row["layer_gates"] = [{"gate_mha": [[gate]], "gate_ffn": [[gate]]}]
    arranged = view(rows=rows)
    figure = draw_sections(arranged)
    mha, _ = find_images(figure)
    shown = mha.cmap(mha.norm(mha.get_array()[0].compressed()))
    assert np.abs(shown[0] - shown[-1]).max() > 0.5  # of 1: from one end of the map to the other
    cells = [text.get_text() for text in mha.axes.texts]
    assert cells == ["0.00045"] * 2 + ["0.00027"] * 2
    assert any("(0.000270 to 0.000450)" in axes.get_xlabel() for axes in figure.axes)


def test_layer_means_by_sample(view):
    arranged = view(20)
    images = find_images(draw_samples_layermean(arranged))
    for image, kind in zip(images, ("mha", "ffn"), strict=True):
        expected = arranged.means[kind][list(arranged.columns)].mean(1)
        assert image.get_array()[0].compressed() == pytest.approx(expected[: len(arranged.heard())])


def test_gates_of_a_video_without_audio_that_are_not_zero_are_shown(view):
    rows = make_gate_rows(6, silent=1)
    for row in rows:  # an FFN gate is open without audio as well
        row["layer_gates"] = [{"gate_mha": [[0.0]], "gate_ffn": [[0.25]]}] * 3
    mha, ffn = find_images(draw_sections(view(rows=rows)))
    assert mha.get_array().mask.all()
    assert (ffn.get_array() == 0.25).all() and not np.ma.getmaskarray(ffn.get_array()).any()
