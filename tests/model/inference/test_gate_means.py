"""Means of the gates over a split, as the history keeps them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from model.inference.gate_means import GateMeans
from model.inference.predict import Predicted
from model.network.detector import HighlightDetector
from model.network.tensors import Inputs

Build = Callable[..., HighlightDetector]


@pytest.mark.parametrize("gating", ["global", "clipwise"])
def test_only_clips_with_sound_count(build: Build, inputs: Inputs, gating: str) -> None:
    """Of the three videos the first has sound in all 7 clips, the second in 2 of 5, the third in none."""
    outputs = build(gating_type=gating)(inputs)
    means = GateMeans()
    for sample in range(3):
        means.add(Predicted({}, sample, inputs, outputs))
    result = means.result()
    assert result is not None
    for index, layer in enumerate(outputs.gates):
        first = layer.values.mha[0].mean().detach()
        second = (layer.values.mha[1] if gating == "global" else layer.values.mha[1, :2]).detach()
        assert result["mha"][index] == pytest.approx(float(first + second.mean()) / 2, abs=1e-6)
        heard = float(layer.mha_contribution[0].mean() + layer.mha_contribution[1, :2].mean()) / 2
        assert result["mha_contribution"][index] == pytest.approx(heard, abs=1e-6)


def test_without_gates_or_sound_there_is_none(build: Build, inputs: Inputs) -> None:
    for fusion, sample in (("none", 0), ("avigate_custom", 2)):
        means = GateMeans()
        means.add(Predicted({}, sample, inputs, build(fusion=fusion)(inputs)))
        assert means.result() is None
