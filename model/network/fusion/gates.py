"""The learnt gates of the fusion: weights of the audio update and of the feed-forward update.

`avigate_custom` (SigmoidGates):

    MHA gate    sigmoid((raw + bias) / temperature) * scale      bias and scale learnt, temperature fixed
    FFN gate    tanh(raw) * alpha                                 alpha learnt
    FiLM gamma  tanh(raw) * alpha                                 per channel, 0 at the start; channel scale 1 + gamma
    FiLM beta   tanh(raw) * beta                                  per channel, 0 at the start; beta learnt

`avigate` (TanhGates): both gates tanh(raw), 0 at the start.

`raw` is the output of a two-layer perceptron (with ReLU; for `avigate` with QuickGELU and no biases) on concatenated
video and audio features: one value per video (global), per clip (clipwise) or per clip and channel (elementwise).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.network.cpu_layers import Linear
from model.network.layers import QuickGelu
from model.network.tensors import GateValues


class SigmoidGates(nn.Module):
    """The perceptrons and scalars that compute the gates of one `avigate_custom` layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.hidden_dim
        self.join = _Join(config)
        self.temperature = config.mha_gate_temp
        outputs = dim if config.gating_type == "elementwise" else 1
        self.mha_head = _perceptron(dim, outputs)
        self.ffn_head = _perceptron(dim, outputs)
        self.mha_bias = nn.Parameter(torch.tensor(config.mha_gate_bias_init))
        self.mha_scale = nn.Parameter(torch.tensor(config.mha_gate_scale_init))
        self.ffn_alpha = nn.Parameter(torch.tensor(config.ffn_gate_alpha_init))
        self.gamma_head: nn.Sequential | None = None
        self.beta_head: nn.Sequential | None = None
        if config.ffn_gate_film:
            self.ffn_beta = nn.Parameter(torch.tensor(config.ffn_gate_beta_init))
            if config.compat.original_film:
                self.beta_head = _perceptron(dim, outputs)
            else:
                # Per channel for any gating, because layer norms remove a shift of all channels.
                self.gamma_head = _close(_perceptron(dim, dim))
                self.beta_head = _close(_perceptron(dim, dim))

    def forward(self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor) -> GateValues:
        """Gates from video and audio (B, L, D); masks (B, L), True = valid."""
        joint = self.join(video, audio, video_mask, audio_mask)
        heard = self.join.per_gate(audio_mask.unsqueeze(-1))
        opened = torch.sigmoid((self.mha_head(joint) + self.mha_bias) / self.temperature) * self.mha_scale
        return GateValues(
            mha=opened * heard,
            ffn=torch.tanh(self.ffn_head(joint)) * self.ffn_alpha,
            gamma=None if self.gamma_head is None else torch.tanh(self.gamma_head(joint)) * self.ffn_alpha,
            beta=None if self.beta_head is None else torch.tanh(self.beta_head(joint)) * self.ffn_beta,
        )


class TanhGates(nn.Module):
    """The perceptrons that compute the gates of one `avigate` layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.join = _Join(config)
        outputs = config.hidden_dim if config.gating_type == "elementwise" else 1
        self.mha_head = _close(_published_perceptron(config.hidden_dim, outputs))
        self.ffn_head = _close(_published_perceptron(config.hidden_dim, outputs))

    def forward(
        self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor, hears: Tensor
    ) -> GateValues:
        """Gates from video and audio (B, L, D).

        Args:
            video_mask, audio_mask: (B, L), True = valid.
            hears: (B, 1 or L, 1) clips that audio reaches.
        """
        joint = self.join(video, audio, video_mask, audio_mask)
        return GateValues(
            torch.tanh(self.mha_head(joint)) * self.join.per_gate(hears), torch.tanh(self.ffn_head(joint))
        )


class _Join(nn.Module):
    """The input of the gates."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.is_global = config.gating_type == "global"
        self.pools_padding = config.compat.unmasked_pooling

    def forward(self, video: Tensor, audio: Tensor, video_mask: Tensor, audio_mask: Tensor) -> Tensor:
        """Joint features (B, 1 or L, 2D) of video and audio (B, L, D); masks (B, L), True = valid."""
        if not self.is_global:
            return torch.cat([video, audio], dim=-1)
        if self.pools_padding:
            means = [x.mean(dim=1, keepdim=True) for x in (video, audio)]
        else:
            means = [_mean(video, video_mask), _mean(audio, audio_mask)]
        return torch.cat(means, dim=-1)

    def per_gate(self, hears: Tensor) -> Tensor:
        """Which gates may let audio in, from the clips that hear, (B, 1 or L, 1) bool; a global gate: if any does."""
        return hears.any(dim=1, keepdim=True) if self.is_global else hears


def _perceptron(dim: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(Linear(2 * dim, dim // 2), nn.ReLU(), Linear(dim // 2, outputs))


def _published_perceptron(dim: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(Linear(2 * dim, dim // 2, bias=False), QuickGelu(), Linear(dim // 2, outputs, bias=False))


def _close(perceptron: nn.Sequential) -> nn.Sequential:
    """Make it output 0 at the start; its last layer learns from the first step on."""
    for parameter in perceptron[-1].parameters():
        nn.init.zeros_(parameter)
    return perceptron


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over valid clips, (B, 1, D); zeros if no clip is valid."""
    weights = mask.unsqueeze(-1).to(x.dtype)
    return (x * weights).sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True).clamp(min=1)


@torch.no_grad()
def contribution(update: Tensor, base: Tensor) -> Tensor:
    """Size of an update (B, L, D) relative to the features it is added to, (B, L)."""
    return update.norm(dim=-1) / base.norm(dim=-1).clamp(min=1e-6)
