"""`avigate_custom`: AVIGATE's block with identity attention, a layer norm on both gated updates, and optional FiLM.

The mathematics are those of QD-DETR-exp, except for repairs that `compat` undoes one by one: gates pool over valid
clips only, a clip without audio gets no audio update whatever its audio tensor holds, and FiLM starts as the identity.
"""

from __future__ import annotations

from torch import Tensor, nn

from model.config import ModelConfig
from model.network.cpu_layers import Attention, Linear
from model.network.fusion.gates import SigmoidGates, contribution
from model.network.tensors import GateValues, LayerGates


class IdentityLayer(nn.Module):
    """One layer: gated audio update, gated feed-forward update, then ungated refinement."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.gates = SigmoidGates(config)
        self.audio_norm = nn.LayerNorm(dim)
        self.audio_value = Linear(dim, dim)
        self.audio_out = Linear(dim, dim)
        self.audio_delta_norm = nn.LayerNorm(dim)
        self.update_norm = nn.LayerNorm(dim)
        self.update = nn.Sequential(Linear(dim, 4 * dim), nn.ReLU(), Linear(4 * dim, dim))
        self.update_delta_norm = nn.LayerNorm(dim)
        self.refine_norm = nn.LayerNorm(dim)
        self.refine_attention = Attention(dim, config.fusion_n_heads)
        self.refine_update_norm = nn.LayerNorm(dim)
        self.refine_update = nn.Sequential(Linear(dim, 4 * dim), nn.ReLU(), Linear(4 * dim, dim))

    def forward(
        self, video: Tensor, audio: Tensor, seen: Tensor, audio_mask: Tensor, position: Tensor
    ) -> tuple[Tensor, LayerGates]:
        """Video and audio (B, L, D) to fused video (B, L, D); see GatedFusion."""
        del position  # Each clip hears only its own audio.
        gates = self.gates(video, audio, seen, audio_mask)
        delta = self.audio_delta_norm(self.audio_out(self.audio_value(self.audio_norm(audio))))
        audio_update = gates.mha * delta * audio_mask.unsqueeze(-1)
        heard = video + audio_update

        update = _weigh(gates, self.update_delta_norm(self.update(self.update_norm(heard))))
        updated = heard + update

        normed = self.refine_norm(updated)
        attended = self.refine_attention.attend(normed, normed, normed, seen)
        refined = updated + attended
        fused = refined + self.refine_update(self.refine_update_norm(refined))
        return fused, LayerGates(gates, contribution(audio_update, video), contribution(update, heard))


def _weigh(gates: GateValues, delta: Tensor) -> Tensor:
    """The weighted feed-forward update: gate * delta, or with FiLM gate * ((1 + gamma) * delta + beta)."""
    if gates.beta is None:
        return gates.ffn * delta
    if gates.gamma is None:
        # As in the original: the gate is the channel scale, so the update starts with weight 1 instead of about 0.
        return (1 + gates.ffn) * delta + gates.beta
    return gates.ffn * ((1 + gates.gamma) * delta + gates.beta)
