"""`avigate`: the gated fusion block of AVIGATE (Jeong et al., CVPR 2025), with tanh gates that start closed.

Every clip attends to the clips that have sound, all of them or those in a window around it. Position encodings are
added to queries and keys, because here the audio is on the video's clip grid and is not resampled by learnt tokens. The
published block starts near the identity because of its small pretrained weights; here it starts exactly as the
identity: gates and the last layers of the refinement start at 0. The published skip around the whole stack (0.95 of the
frames) keeps frames in CLIP's space for retrieval; a network trained from scratch does not need it, so it is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.network.cpu_layers import Attention, Linear
from model.network.fusion.gates import TanhGates, contribution
from model.network.layers import QuickGelu
from model.network.tensors import LayerGates


class CrossAttentionLayer(nn.Module):
    """One layer: gated cross-attention to the audio, gated feed-forward update, then ungated refinement."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim, heads = config.hidden_dim, config.fusion_n_heads
        self.window = config.fusion_window
        self.gates = TanhGates(config)
        self.audio_norm = nn.LayerNorm(dim)
        self.audio_attention = Attention(dim, heads)
        self.update_norm = nn.LayerNorm(dim)
        self.update = nn.Sequential(Linear(dim, 4 * dim, bias=False), QuickGelu(), Linear(4 * dim, dim, bias=False))
        self.refine_norm = nn.LayerNorm(dim)
        self.refine_attention = Attention(dim, heads)
        self.refine_update_norm = nn.LayerNorm(dim)
        last = Linear(4 * dim, dim)
        self.refine_update = nn.Sequential(Linear(dim, 4 * dim), QuickGelu(), last)
        for start in (self.refine_attention.out_proj, last):
            nn.init.zeros_(start.weight)
            nn.init.zeros_(start.bias)

    def forward(
        self, video: Tensor, audio: Tensor, seen: Tensor, audio_mask: Tensor, position: Tensor
    ) -> tuple[Tensor, LayerGates]:
        """Video and audio (B, L, D) to fused video (B, L, D); see GatedFusion."""
        audible = within_window(audio_mask, self.window)
        hears = audible.any(dim=2, keepdim=True)
        gates = self.gates(video, audio, seen, audio_mask, hears)
        # A clip that hears nothing would attend to nothing and give NaN, so its keys stay; its update is 0.
        delta = self.audio_attention.attend(
            self.audio_norm(video) + position, audio + position, audio, audible | ~hears
        )
        audio_update = gates.mha * delta.masked_fill(~hears, 0.0)
        heard = video + audio_update
        update = gates.ffn * self.update(self.update_norm(heard))
        updated = heard + update

        normed = self.refine_norm(updated)
        attended = self.refine_attention.attend(normed, normed, normed, seen)
        refined = updated + attended
        fused = refined + self.refine_update(self.refine_update_norm(refined))
        return fused, LayerGates(gates, contribution(audio_update, video), contribution(update, heard))


def within_window(audio_mask: Tensor, window: int) -> Tensor:
    """Which clips' sound each clip may attend to, (B, L, L), or (B, 1, L) if it is the same for all clips.

    Args:
        audio_mask: (B, L) clips with sound.
        window: clips on each side; -1 = all clips.
    """
    if window < 0:
        return audio_mask.unsqueeze(1)
    place = torch.arange(audio_mask.shape[1], device=audio_mask.device)
    return audio_mask.unsqueeze(1) & ((place.unsqueeze(1) - place).abs() <= window)
