"""The learnt gates of the fusion: how much of the audio update, and of what follows it, a video takes in.

    MHA gate   sigmoid((raw + bias) / temperature) * scale      bias and scale learnt, temperature fixed
    FFN gate   tanh(raw) * alpha                                 alpha learnt
    FiLM shift tanh(raw) * beta                                  beta learnt

`raw` is a two-layer perceptron over the joined video and audio features: one value a video (global), a clip
(clipwise) or a clip and channel (elementwise).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model.config import ModelConfig


@dataclass(frozen=True)
class GateValues:
    """Gates of one layer; each (B, 1, 1), (B, L, 1) or (B, L, D).

    Attributes:
        mha: weight of the audio update, exactly 0 where a clip has no audio.
        ffn: signed weight of the feed-forward update.
        beta: FiLM shift, None without FiLM.
    """

    mha: Tensor
    ffn: Tensor
    beta: Tensor | None


class GateHeads(nn.Module):
    """The perceptrons and scalars that make the gates of one layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.is_global = config.gating_type == "global"
        self.temperature = config.mha_gate_temp
        outputs = dim if config.gating_type == "elementwise" else 1

        def head() -> nn.Sequential:
            return nn.Sequential(nn.Linear(2 * dim, dim // 2), nn.ReLU(), nn.Linear(dim // 2, outputs))

        self.mha_head = head()
        self.ffn_head = head()
        self.beta_head = head() if config.ffn_gate_film else None
        self.mha_bias = nn.Parameter(torch.tensor(config.mha_gate_bias_init))
        self.mha_scale = nn.Parameter(torch.tensor(config.mha_gate_scale_init))
        self.ffn_alpha = nn.Parameter(torch.tensor(config.ffn_gate_alpha_init))
        self.ffn_beta = nn.Parameter(torch.tensor(config.ffn_gate_beta_init)) if config.ffn_gate_film else None

    def forward(self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor) -> GateValues:
        """Gates from video and audio (B, L, D); masks (B, L), True = valid."""
        if self.is_global:
            joint = torch.cat([_mean(video, video_mask), _mean(audio, audio_mask)], dim=-1)
            heard = audio_mask.any(dim=1)[:, None, None]
        else:
            joint = torch.cat([video, audio], dim=-1)
            heard = audio_mask.unsqueeze(-1)
        opened = torch.sigmoid((self.mha_head(joint) + self.mha_bias) / self.temperature) * self.mha_scale
        return GateValues(
            mha=opened * heard,
            ffn=torch.tanh(self.ffn_head(joint)) * self.ffn_alpha,
            beta=self._beta(joint),
        )

    def _beta(self, joint: Tensor) -> Tensor | None:
        if self.beta_head is None or self.ffn_beta is None:
            return None
        return torch.tanh(self.beta_head(joint)) * self.ffn_beta


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over valid clips, (B, 1, D); zeros where none is."""
    weights = mask.unsqueeze(-1).to(x.dtype)
    return (x * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True).clamp(min=1)
