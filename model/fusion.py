"""Gated audio-visual fusion, before the query is read: AVIGATE's block with identity attention (`avigate_custom`).

Clip i of the audio goes to clip i of the video alone. The reference is the QD-DETR-exp project; in two points its
mathematics are mended here: gates pool over valid clips only, so that they do not depend on padding or on the rest of
the batch, and a clip without audio takes no audio update whatever fills the audio tensor there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.gates import GateHeads, GateValues


@dataclass(frozen=True)
class LayerGates:
    """What a layer's gates did.

    Attributes:
        values: the gates.
        mha_contribution, ffn_contribution: (B, L) size of the gated update against the size of what it is added to,
            |gate * delta| / |x|.
    """

    values: GateValues
    mha_contribution: Tensor
    ffn_contribution: Tensor


class GatedFusionLayer(nn.Module):
    """One layer: gated audio update, gated feed-forward update, then ungated refinement."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.film = config.ffn_gate_film
        self.gates = GateHeads(config)
        self.audio_norm = nn.LayerNorm(dim)
        self.audio_value = nn.Linear(dim, dim)
        self.audio_out = nn.Linear(dim, dim)
        self.audio_delta_norm = nn.LayerNorm(dim)
        self.update_norm = nn.LayerNorm(dim)
        self.update = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))
        self.update_delta_norm = nn.LayerNorm(dim)
        self.refine_norm = nn.LayerNorm(dim)
        self.refine_attention = nn.MultiheadAttention(dim, config.fusion_n_heads, batch_first=True)
        self.refine_update_norm = nn.LayerNorm(dim)
        self.refine_update = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))

    def forward(
        self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor
    ) -> tuple[Tensor, LayerGates]:
        """Video and audio (B, L, D) to fused video (B, L, D); masks (B, L), True = valid."""
        gates = self.gates(video, audio, video_mask, audio_mask)
        delta = self.audio_delta_norm(self.audio_out(self.audio_value(self.audio_norm(audio))))
        audio_update = gates.mha * delta * audio_mask.unsqueeze(-1)
        heard = video + audio_update

        delta = self.update_delta_norm(self.update(self.update_norm(heard)))
        update = (1 + gates.ffn) * delta + gates.beta if self.film else gates.ffn * delta
        updated = heard + update

        normed = self.refine_norm(updated)
        attended, _ = self.refine_attention(normed, normed, normed, key_padding_mask=~video_mask, need_weights=False)
        refined = updated + attended
        fused = refined + self.refine_update(self.refine_update_norm(refined))
        return fused, LayerGates(gates, _relative(audio_update, video), _relative(update, heard))


class GatedFusion(nn.Module):
    """The stack of layers; audio is the same in each."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GatedFusionLayer(config) for _ in range(config.fusion_layers))

    def forward(
        self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor
    ) -> tuple[Tensor, list[LayerGates]]:
        """Returns fused video (B, L, D) and the gates of each layer."""
        # Where there is no audio nothing may leak from the filling, not even a NaN.
        audio = audio.masked_fill(~audio_mask.unsqueeze(-1), 0.0)
        gates: list[LayerGates] = []
        for layer in self.layers:
            video, layer_gates = layer(video, audio, video_mask, audio_mask)
            gates.append(layer_gates)
        return video, gates


def _relative(update: Tensor, base: Tensor) -> Tensor:
    with torch.no_grad():
        return update.norm(dim=-1) / base.norm(dim=-1).clamp(min=1e-6)
