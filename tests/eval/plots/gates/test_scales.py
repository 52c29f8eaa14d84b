"""The scale of each kind of gate: the range of its values, at any magnitude."""

from __future__ import annotations

import numpy as np
import pytest

from eval.plots.gates.scales import choose_scale


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 1e6])
def test_scales_follow_the_values_at_any_size(size):
    scale = choose_scale("mha", size * np.array([0.27, 0.45]))
    assert (scale.lowest, scale.highest) == pytest.approx((size * 0.27, size * 0.45))
    scale = choose_scale("ffn", size * np.array([-0.1, 0.3]))
    assert (scale.lowest, scale.highest) == pytest.approx((-size * 0.3, size * 0.3))
    assert choose_scale("ffn", np.array([size])).lowest == -size


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 1e6])
def test_rounding_is_not_drawn_as_a_difference(size):
    # As far apart as float32 and a log of six decimals round a gate of 0.5.
    scale = choose_scale("mha", size * np.array([0.5, 0.5 + 1e-6, 0.5 + 3e-8]))
    assert (scale.lowest, scale.highest) == pytest.approx((size * 0.49, size * 0.51), rel=1e-5)
    # Ten times as far apart is a difference.
    scale = choose_scale("mha", size * np.array([0.5, 0.5 + 1e-5]))
    assert (scale.lowest, scale.highest) == pytest.approx((size * 0.5, size * (0.5 + 1e-5)), rel=1e-9)


def test_scales_of_zeros_and_of_nothing():
    assert choose_scale("ffn", np.array([0.0, 3e-17])).highest == 0.01  # a sum that cancels, but for rounding
    scale = choose_scale("mha", np.zeros(3))
    assert (scale.lowest, scale.highest) == (0.0, 0.01)
    assert choose_scale("mha", np.zeros(0)).highest == 1.0
