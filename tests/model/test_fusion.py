"""The gated fusion: its formulas, and that nothing leaks from padding or from audio that is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from model.detector import HighlightDetector, Inputs

Build = Callable[..., HighlightDetector]
GATINGS = ("global", "clipwise", "elementwise")


@pytest.mark.parametrize("gating", GATINGS)
def test_gate_formulas(build: Build, inputs: Inputs, gating: str) -> None:
    """avigate.md B1: sigmoid((raw + bias) / temperature) * scale, tanh(raw) * alpha, tanh(raw) * beta."""
    network = build(gating_type=gating, ffn_gate_film=True, mha_gate_bias_init=1.8, mha_gate_scale_init=0.9)
    assert network.fusion is not None
    heads = network.fusion.layers[0].gates
    video, audio = torch.randn(2, 4, 16), torch.randn(2, 4, 16)
    everything = torch.ones(2, 4, dtype=torch.bool)
    values = heads(video, audio, everything, everything)
    if gating == "global":
        joint = torch.cat([video.mean(1, keepdim=True), audio.mean(1, keepdim=True)], dim=-1)
    else:
        joint = torch.cat([video, audio], dim=-1)

    def raw(head: torch.nn.Sequential) -> torch.Tensor:
        hidden = (joint @ head[0].weight.T + head[0].bias).clamp(min=0)
        return hidden @ head[2].weight.T + head[2].bias

    torch.testing.assert_close(values.mha, 0.9 / (1 + torch.exp(-(raw(heads.mha_head) + 1.8) / 1.5)))
    torch.testing.assert_close(values.ffn, 0.3 * torch.tanh(raw(heads.ffn_head)))
    torch.testing.assert_close(values.beta, 0.3 * torch.tanh(raw(heads.beta_head)))
    expected = {"global": (2, 1, 1), "clipwise": (2, 4, 1), "elementwise": (2, 4, 16)}[gating]
    assert values.mha.shape == values.ffn.shape == values.beta.shape == expected


def test_presets_start_at_the_known_openness(build: Build) -> None:
    """At raw 0: base sigmoid(1 / 1.5) = 0.661, mha_strong sigmoid(1.8 / 1.5) = 0.769 (avigate.md B1)."""
    for bias, expected in ((1.0, 0.661), (1.8, 0.769)):
        network = build(mha_gate_bias_init=bias)
        assert network.fusion is not None
        heads = network.fusion.layers[0].gates
        torch.nn.init.zeros_(heads.mha_head[2].weight)
        torch.nn.init.zeros_(heads.mha_head[2].bias)
        heard = torch.ones(1, 3, dtype=torch.bool)
        gate = heads(torch.randn(1, 3, 16), torch.randn(1, 3, 16), heard, heard).mha
        assert gate.item() == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("gating", GATINGS)
def test_gate_is_exactly_zero_without_audio(build: Build, inputs: Inputs, gating: str) -> None:
    for layer in build(gating_type=gating)(inputs).gates:
        assert (layer.values.mha[2] == 0).all()
        assert (layer.values.mha[0] > 0).all()
        assert (layer.mha_contribution[2] == 0).all()
        # The second video has sound in its first two clips alone.
        assert (layer.mha_contribution[1, :2] > 0).all()
        assert (layer.mha_contribution[1, 2:] == 0).all()


@pytest.mark.parametrize("fusion", ["concat", "avigate_custom"])
@pytest.mark.parametrize("filling", [0.0, 1e6, float("nan"), float("inf")])
def test_nothing_depends_on_what_fills_absent_audio(build: Build, inputs: Inputs, fusion: str, filling: float) -> None:
    network = build(fusion=fusion)
    assert inputs.audio is not None and inputs.audio_mask is not None
    filled = replace(inputs, audio=inputs.audio.masked_fill(~inputs.audio_mask.unsqueeze(-1), filling))
    expected, found = network(inputs), network(filled)
    # Not nearly equal: the same bits.
    assert torch.equal(found.moments[-1].spans, expected.moments[-1].spans)
    assert torch.equal(found.saliency, expected.saliency)


@pytest.mark.parametrize("gating", GATINGS)
def test_gates_do_not_depend_on_padding_or_on_the_rest_of_the_batch(build: Build, inputs: Inputs, gating: str) -> None:
    network = build(gating_type=gating)
    together = network(inputs)
    assert inputs.audio is not None and inputs.audio_mask is not None
    for sample, clips in enumerate((7, 5, 4)):
        words = int(inputs.text_mask[sample].sum())
        row = slice(sample, sample + 1)
        alone = network(
            Inputs(
                inputs.video[row, :clips],
                inputs.video_mask[row, :clips],
                inputs.text[row, :words],
                inputs.text_mask[row, :words],
                inputs.audio[row, :clips],
                inputs.audio_mask[row, :clips],
            )
        )
        for layer, other in zip(together.gates, alone.gates, strict=True):
            shown = layer.values.mha[row] if gating == "global" else layer.values.mha[row, :clips]
            torch.testing.assert_close(shown, other.values.mha)
        torch.testing.assert_close(together.saliency[row, :clips], alone.saliency, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.moments[-1].spans[row], alone.moments[-1].spans, rtol=1e-4, atol=1e-5)
