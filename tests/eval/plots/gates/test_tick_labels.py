"""Numbers in gate figures: distinct at any magnitude, never long, and never in an offset."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from eval.plots.gates.tick_labels import LayerLocator, set_ticks, write_ticks, write_values

pytestmark = pytest.mark.usefixtures("styled")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.6123, 0.7, 0.45], ["0.612", "0.700", "0.450"]),
        ([0.00027, 0.00045], ["0.000270", "0.000450"]),
        ([0.0003649, 0.0003648], ["0.0003649", "0.0003648"]),
        ([3.1e-5, 4e-5], ["3.10e-5", "4.00e-5"]),
        ([3.1e-7, -2e-7, 0.0], ["3.10e-7", "-2.00e-7", "0"]),
        ([0.61231, 0.61234], ["0.61231", "0.61234"]),
        ([0.9, 0.61231, 0.61234], ["0.90000", "0.61231", "0.61234"]),
        ([0.5, 0.5 + 1e-9], ["0.500", "0.500"]),  # rounding of float32
        ([0.6, -0.0003, 2e-6], ["0.6000", "-0.0003", "2e-6"]),  # not 0: the gates are not shut
        ([0.6, -1e-17, 0.0], ["0.600", "0", "0"]),
        ([0.0, 0.0], ["0", "0"]),
        ([1234567.0, 2345678.0], ["1.23e6", "2.35e6"]),
        ([], []),
    ],
)
def test_values_are_told_apart(values, expected):
    assert write_values(values) == expected


def test_cells_need_not_be_told_apart():
    assert write_values([0.61231, 0.61234, 0.9], digits=2, apart=False) == ["0.61", "0.61", "0.90"]
    assert write_values([0.5, 0.5001], digits=2, apart=False) == ["0.50000", "0.50010"]


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([0.0, 0.25, 0.5], ["0", "0.25", "0.50"]),
        ([0.0, 0.0002, 0.0004], ["0", "0.0002", "0.0004"]),
        ([0.0, 5e-8, 1e-7], ["0", "0.5e-7", "1.0e-7"]),
        ([-0.1, 0.0, 0.1], ["-0.1", "0", "0.1"]),
        ([0.3 - 0.1, 0.3], ["0.2", "0.3"]),  # 0.19999999999999998
        ([0.5, 0.500002], ["0.500000", "0.500002"]),
        ([0.0, 20.0, 40.0], ["0", "20", "40"]),
        ([0.0, 5e6], ["0", "5e6"]),
        ([-4e8, 0.0, 4e8], ["-4e8", "0", "4e8"]),
        ([0.3], ["0.3"]),
    ],
)
def test_ticks_are_exact(ticks, expected):
    assert write_ticks(ticks) == expected


@pytest.mark.parametrize("size", [1e-12, 3e-7, 3e-4, 0.5, 1e8])
@pytest.mark.parametrize("spread", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("width", [3.0, 6.0])
def test_ticks_of_any_range_are_read_at_the_ticks(size, spread, width):
    """No factor or offset at the end of an axis, no text of 12 letters, and no overlapping texts."""
    figure = Figure(figsize=(width, 2), layout="constrained")
    axes = figure.subplots()
    axes.tick_params(labelsize=8)
    axes.set(xlim=(size, size * (1 + spread)), ylim=(size, size * (1 + spread)))
    for axis in (axes.xaxis, axes.yaxis):
        set_ticks(axis, 6)
    figure.draw_without_rendering()
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        texts = [tick.label1.get_text().replace("\N{MINUS SIGN}", "-") for tick in ticks]
        assert len(texts) >= 2 and max(map(len, texts)) < 12
        assert [float(text) for text in texts] == pytest.approx([tick.get_loc() for tick in ticks], rel=1e-6)
        assert len(set(texts)) == len(texts)
        assert axis.get_offset_text().get_text() == ""
        boxes = [tick.label1.get_window_extent() for tick in ticks]
        if axis is axes.xaxis:
            assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


@pytest.mark.parametrize(("width", "step"), [(6.0, 1), (3.2, 1), (1.9, 2), (0.9, 3)])
def test_layers_are_thinned_evenly_where_they_would_meet(width, step):
    figure = Figure(figsize=(width, 2))
    axes = figure.add_axes((0, 0.2, 1, 0.8))
    axes.set_xlim(-0.6, 11.4)
    axes.xaxis.set_major_locator(LayerLocator(12))
    assert list(axes.get_xticks()) == list(range(0, 12, step))
