"""The gated fusion: its formulas, and that nothing leaks from padding or from audio that is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from model.config import ModelConfig
from model.network.detector import HighlightDetector
from model.network.fusion.cross_attention import within_window
from model.network.tensors import Inputs

Build = Callable[..., HighlightDetector]
GATINGS = ("global", "clipwise", "elementwise")


def perceptron(joint: torch.Tensor, head: torch.nn.Sequential) -> torch.Tensor:
    hidden = (joint @ head[0].weight.T + head[0].bias).clamp(min=0)
    return hidden @ head[2].weight.T + head[2].bias


def randomise(network: HighlightDetector) -> HighlightDetector:
    """Parameters that start at 0 hide what they multiply."""
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        if parameter.dim() and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    return network


@pytest.mark.parametrize("original", [True, False])
@pytest.mark.parametrize("gating", GATINGS)
def test_gate_formulas(build: Build, gating: str, original: bool) -> None:
    """avigate.md B1: sigmoid((raw + bias) / temperature) * scale, tanh(raw) * alpha, tanh(raw) * beta."""
    compat = ["original_film"] if original else []
    keys = {"mha_gate_bias_init": 1.8, "mha_gate_scale_init": 0.9, "compat": compat}
    network = randomise(build(gating_type=gating, ffn_gate_film=True, **keys))
    assert network.fusion is not None
    heads = network.fusion.layers[0].gates
    video, audio = torch.randn(2, 4, 16), torch.randn(2, 4, 16)
    everything = torch.ones(2, 4, dtype=torch.bool)
    values = heads(video, audio, everything, everything)
    if gating == "global":
        joint = torch.cat([video.mean(1, keepdim=True), audio.mean(1, keepdim=True)], dim=-1)
    else:
        joint = torch.cat([video, audio], dim=-1)
    torch.testing.assert_close(values.mha, 0.9 / (1 + torch.exp(-(perceptron(joint, heads.mha_head) + 1.8) / 1.5)))
    torch.testing.assert_close(values.ffn, 0.3 * torch.tanh(perceptron(joint, heads.ffn_head)))
    torch.testing.assert_close(values.beta, 0.3 * torch.tanh(perceptron(joint, heads.beta_head)))
    rows = 1 if gating == "global" else 4
    columns = 16 if gating == "elementwise" else 1
    assert values.mha.shape == values.ffn.shape == (2, rows, columns)
    if original:
        assert values.gamma is None
        assert values.beta.shape == (2, rows, columns)
    else:
        torch.testing.assert_close(values.gamma, 0.3 * torch.tanh(perceptron(joint, heads.gamma_head)))
        assert values.gamma.shape == values.beta.shape == (2, rows, 16)


@pytest.mark.parametrize("gating", GATINGS)
def test_film_starts_as_the_network_without_it(build: Build, inputs: Inputs, gating: str) -> None:
    """So that a difference between the runs comes from FiLM; the original's starts with the whole update let in."""
    plain = build(gating_type=gating)
    film = build(gating_type=gating, ffn_gate_film=True)
    film.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(film(inputs).saliency, plain(inputs).saliency)
    original = build(gating_type=gating, ffn_gate_film=True, compat=["original_film"])
    original.load_state_dict(plain.state_dict(), strict=False)
    assert not torch.allclose(original(inputs).saliency, plain(inputs).saliency, atol=1e-3)


def test_film_update(build: Build) -> None:
    """gate * ((1 + gamma) * delta + beta), delta = LN(FFN(LN(z)))."""
    layer = randomise(build(ffn_gate_film=True)).fusion.layers[0]
    video, audio = torch.randn(2, 4, 16), torch.randn(2, 4, 16)
    mask = torch.ones(2, 4, dtype=torch.bool)
    gates = layer.gates(video, audio, mask, mask)
    heard = video + gates.mha * layer.audio_delta_norm(layer.audio_out(layer.audio_value(layer.audio_norm(audio))))
    delta = layer.update_delta_norm(layer.update(layer.update_norm(heard)))
    updated = heard + gates.ffn * ((1 + gates.gamma) * delta + gates.beta)
    normed = layer.refine_norm(updated)
    refined = updated + layer.refine_attention(normed, normed, normed)[0]
    expected = refined + layer.refine_update(layer.refine_update_norm(refined))
    torch.testing.assert_close(layer(video, audio, mask, mask, torch.zeros_like(video))[0], expected)


def test_avigate_is_the_identity_at_the_start_and_learns_from_there(build: Build, inputs: Inputs) -> None:
    network = build(fusion="avigate")
    assert network.fusion is not None and inputs.audio is not None and inputs.audio_mask is not None
    video = torch.randn(3, 7, 16)
    fused, gates = network.fusion(
        video, torch.randn(3, 7, 16), inputs.video_mask, inputs.audio_mask, torch.randn(3, 7, 16)
    )
    assert torch.equal(fused, video)
    assert all((layer.values.mha == 0).all() and (layer.values.ffn == 0).all() for layer in gates)
    network(inputs).saliency.square().sum().backward()
    for layer in network.fusion.layers:
        assert layer.gates.mha_head[2].weight.grad.abs().sum() > 0
        assert layer.refine_update[2].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("gating", GATINGS)
def test_avigate_gate_formulas(build: Build, gating: str) -> None:
    """avigate.md A2: both gates tanh(W2 quickgelu(W1 [x ; a])), without biases."""
    network = randomise(build(fusion="avigate", gating_type=gating))
    assert network.fusion is not None
    gates = network.fusion.layers[0].gates
    video, audio = torch.randn(2, 4, 16), torch.randn(2, 4, 16)
    everything = torch.ones(2, 4, dtype=torch.bool)
    joint = torch.cat([video, audio], dim=-1)
    if gating == "global":
        joint = joint.mean(dim=1, keepdim=True)
    values = gates(video, audio, everything, everything, everything.unsqueeze(-1))
    for head, value in zip((gates.mha_head, gates.ffn_head), (values.mha, values.ffn), strict=True):
        hidden = joint @ head[0].weight.T
        raw = (hidden / (1 + torch.exp(-1.702 * hidden))) @ head[2].weight.T
        torch.testing.assert_close(value, torch.tanh(raw))


def test_avigate_attends_to_heard_clips_alone(build: Build) -> None:
    """One heard clip: whatever the queries, attention gives that clip's value."""
    layer = randomise(build(fusion="avigate")).fusion.layers[0]
    video, audio = torch.randn(1, 4, 16), torch.randn(1, 4, 16)
    mask = torch.ones(1, 4, dtype=torch.bool)
    only = torch.tensor([[False, False, True, False]])
    alone = audio.masked_fill(~only.unsqueeze(-1), 0.0)
    gates = layer.gates(video, alone, mask, only, torch.ones(1, 1, 1, dtype=torch.bool))
    value = audio[:, 2:3] @ layer.audio_attention.in_proj_weight[32:].T + layer.audio_attention.in_proj_bias[32:]
    heard = video + gates.mha * layer.audio_attention.out_proj(value)
    updated = heard + gates.ffn * layer.update(layer.update_norm(heard))
    normed = layer.refine_norm(updated)
    refined = updated + layer.refine_attention(normed, normed, normed)[0]
    expected = refined + layer.refine_update(layer.refine_update_norm(refined))
    torch.testing.assert_close(layer(video, alone, mask, only, torch.randn(1, 4, 16))[0], expected)


def test_avigate_attends_within_its_window(build: Build) -> None:
    """With a window of one clip, each clip's update is that of the three clips around it, given alone."""
    layer = randomise(build(fusion="avigate", fusion_window=1)).fusion.layers[0]
    video, audio, position = (torch.randn(1, 6, 16) for _ in range(3))
    sound = torch.tensor([[True, True, False, False, False, True]])
    audible = within_window(sound, 1)
    assert audible[0].tolist() == [
        [True, True, False, False, False, False],
        [True, True, False, False, False, False],
        [False, True, False, False, False, False],
        [False, False, False, False, False, False],
        [False, False, False, False, False, True],
        [False, False, False, False, False, True],
    ]
    _, found = layer(video, audio, torch.ones_like(sound), sound, position)
    given = build(fusion="avigate").fusion.layers[0]
    given.load_state_dict(layer.state_dict())
    for clip in range(6):
        mask = audible[:, clip]
        _, alone = given(video, audio, torch.ones_like(sound), mask, position)
        # Gates pool over the sound of the whole video, so they are taken out.
        ratio = found.mha_contribution[0, clip] / found.values.mha.abs().squeeze()
        expected = alone.mha_contribution[0, clip] / alone.values.mha.abs().squeeze() if mask.any() else ratio * 0
        torch.testing.assert_close(ratio, expected)


@pytest.mark.parametrize("gating", GATINGS)
def test_gates_are_zero_where_the_window_has_no_sound(build: Build, gating: str) -> None:
    network = randomise(build(fusion="avigate", fusion_window=1, gating_type=gating))
    assert network.fusion is not None
    video, audio = torch.randn(1, 6, 16), torch.randn(1, 6, 16)
    sound = torch.tensor([[True, False, False, False, False, False]])
    seen = torch.ones_like(sound)
    _, layers = network.fusion(video, audio, seen, sound, torch.randn(1, 6, 16))
    for layer in layers:
        assert (layer.mha_contribution[0, :2] > 0).all() and (layer.mha_contribution[0, 2:] == 0).all()
        if gating != "global":
            assert (layer.values.mha[0, :2] != 0).all() and (layer.values.mha[0, 2:] == 0).all()


def test_a_clip_keeps_its_place_beside_clips_without_a_picture(build: Build, inputs: Inputs) -> None:
    """Cross-attention finds sound by place, and a place is counted over the whole video."""
    network = randomise(build(fusion="avigate"))
    given: list[torch.Tensor] = []
    network.fusion.layers[0].register_forward_pre_hook(lambda _, arguments: given.append(arguments[4]))
    network(inputs)
    network(replace(inputs, seen=inputs.video_mask & (torch.arange(7) != 1)))
    assert torch.equal(given[0], given[1])
    assert not torch.equal(given[0][0, 0], given[0][0, 1])


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
def test_avigate_gate_is_exactly_zero_without_audio(build: Build, inputs: Inputs, gating: str) -> None:
    for layer in randomise(build(fusion="avigate", gating_type=gating))(inputs).gates:
        assert (layer.values.mha[2] == 0).all()
        assert (layer.values.mha[:2] != 0).all()
        assert (layer.mha_contribution[2] == 0).all()


@pytest.mark.parametrize("gating", GATINGS)
def test_gate_is_exactly_zero_without_audio(build: Build, inputs: Inputs, gating: str) -> None:
    for layer in build(gating_type=gating)(inputs).gates:
        assert (layer.values.mha[2] == 0).all()
        assert (layer.values.mha[0] > 0).all()
        assert (layer.mha_contribution[2] == 0).all()
        # The second video has sound in its first two clips alone.
        assert (layer.mha_contribution[1, :2] > 0).all()
        assert (layer.mha_contribution[1, 2:] == 0).all()


@pytest.mark.parametrize("fusion", ["concat", "avigate", "avigate_custom"])
@pytest.mark.parametrize("filling", [0.0, 1e6, float("nan"), float("inf")])
def test_nothing_depends_on_what_fills_absent_audio(build: Build, inputs: Inputs, fusion: str, filling: float) -> None:
    network = randomise(build(fusion=fusion))
    assert inputs.audio is not None and inputs.audio_mask is not None
    filled = replace(inputs, audio=inputs.audio.masked_fill(~inputs.audio_mask.unsqueeze(-1), filling))
    expected, found = network(inputs), network(filled)
    # Not nearly equal: the same bits.
    assert torch.equal(found.moments[-1].spans, expected.moments[-1].spans)
    assert torch.equal(found.saliency, expected.saliency)
    gradients = [
        torch.autograd.grad(x.saliency.sum(), list(network.parameters()), allow_unused=True) for x in (expected, found)
    ]
    for plain, other in zip(*gradients, strict=True):
        assert (plain is None and other is None) or torch.equal(plain, other)


def parts(inputs: Inputs) -> list[Inputs]:
    """The samples of a batch, each alone and without padding."""
    assert inputs.audio is not None and inputs.audio_mask is not None
    cut = []
    for sample in range(len(inputs.video)):
        row = slice(sample, sample + 1)
        clips, words = int(inputs.video_mask[sample].sum()), int(inputs.text_mask[sample].sum())
        cut.append(
            Inputs(
                inputs.video[row, :clips],
                inputs.video_mask[row, :clips],
                inputs.text[row, :words],
                inputs.text_mask[row, :words],
                inputs.audio[row, :clips],
                inputs.audio_mask[row, :clips],
            )
        )
    return cut


# With the second, every clip of a video counts as sound, but padding is no clip of it.
@pytest.mark.parametrize("compat", [[], ["audio_mask_ignored"]])
@pytest.mark.parametrize("film", [True, False])
@pytest.mark.parametrize("gating", GATINGS)
@pytest.mark.parametrize("fusion", ["none", "concat", "avigate", "avigate_custom"])
def test_nothing_depends_on_padding_or_on_the_rest_of_the_batch(
    build: Build, inputs: Inputs, fusion: str, gating: str, film: bool, compat: list[str]
) -> None:
    network = randomise(build(fusion=fusion, gating_type=gating, ffn_gate_film=film, compat=compat))
    assert inputs.audio is not None
    # What fills the padding must not matter either.
    padding = ~inputs.video_mask.unsqueeze(-1)
    inputs = replace(
        inputs,
        video=inputs.video.masked_fill(padding, 7.0),
        audio=inputs.audio.masked_fill(padding, 7.0),
        text=inputs.text.masked_fill(~inputs.text_mask.unsqueeze(-1), -7.0),
    )
    together = network(inputs)
    for sample, part in enumerate(parts(inputs)):
        alone, row, clips = network(part), slice(sample, sample + 1), part.video.shape[1]
        for layer, other in zip(together.gates, alone.gates, strict=True):
            for name in ("mha", "ffn", "gamma", "beta"):
                shown, expected = getattr(layer.values, name), getattr(other.values, name)
                assert (shown is None) == (expected is None)
                if expected is not None:
                    torch.testing.assert_close(shown[row, : expected.shape[1]], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.saliency[row, :clips], alone.saliency, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(together.moments[-1].spans[row], alone.moments[-1].spans, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", ["avigate", "avigate_custom"])
def test_an_ignored_audio_mask_makes_every_clip_of_the_video_sound(build: Build, inputs: Inputs, fusion: str) -> None:
    """Clips without a picture among them; the padding only where the original's pooling takes that in as well."""
    seen = inputs.video_mask.clone()
    seen[1, 2] = False
    inputs = replace(inputs, seen=seen)
    for gating in GATINGS:
        keys = {"fusion": fusion, "gating_type": gating}
        ignoring = randomise(build(**keys, compat=["audio_mask_ignored"]))
        both = randomise(build(**keys, compat=["audio_mask_ignored", "unmasked_pooling"]))
        pooling = randomise(build(**keys, compat=["unmasked_pooling"]))
        for network, told, same in (
            (ignoring, randomise(build(**keys)), replace(inputs, audio_mask=inputs.video_mask)),
            (both, pooling, replace(inputs, audio_mask=torch.ones_like(inputs.video_mask))),
        ):
            found, expected = network(inputs), told(same)
            assert torch.equal(found.saliency, expected.saliency)
            for layer, other in zip(found.gates, expected.gates, strict=True):
                assert torch.equal(layer.values.mha, other.values.mha)


def test_settings_that_change_nothing_make_no_other_network() -> None:
    """Pooling is global gates' own, unless it lets `avigate` attend to padding."""
    for gating, also, kept in (
        ("clipwise", [], False),
        ("clipwise", ["audio_mask_ignored"], True),
        ("global", [], True),
    ):
        names = ["unmasked_pooling", *also]
        config = ModelConfig.from_dict({"fusion": "avigate", "gating_type": gating, "compat": names})
        assert ("unmasked_pooling" in config.effective()["compat"]) == kept


def test_compat_brings_the_dependence_on_padding_back(build: Build, inputs: Inputs) -> None:
    """So that the test above could fail: the original pools over padding."""
    for names in (["unmasked_pooling"], ["unmasked_pooling", "audio_mask_ignored"]):
        network = build(compat=names)
        together, alone = network(inputs), network(parts(inputs)[1])
        assert not torch.allclose(together.gates[0].values.mha[1], alone.gates[0].values.mha[0], atol=1e-5)
