"""Sine position encodings of clips, relative to the length of the video, and of spans."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def encode_clips(mask: Tensor, dim: int) -> Tensor:
    """Encode each clip's position among the valid ones.

    Args:
        mask: (B, L) bool, True = valid.

    Returns:
        (B, L, dim): sine and cosine, interleaved, of position / length * 2 pi.
    """
    # Counted in integers: torch has no deterministic sum of floats along a row for GPUs.
    place = mask.cumsum(dim=1).float()
    place = place / (place[:, -1:] + 1e-6) * (2 * math.pi)
    return _interleave(place, dim)


def encode_spans(spans: Tensor, dim: int) -> Tensor:
    """Encode spans (B, N, 2), center and width as fractions of the video, to (B, N, dim): half for each."""
    halves = [_interleave(spans[..., i] * (2 * math.pi), dim // 2) for i in range(2)]
    return torch.cat(halves, dim=-1)


def _interleave(values: Tensor, dim: int) -> Tensor:
    index = torch.arange(dim, device=values.device)
    frequency = 10_000 ** (2 * (index // 2) / dim)
    phase = values.unsqueeze(-1) / frequency
    return torch.stack([phase[..., 0::2].sin(), phase[..., 1::2].cos()], dim=-1).flatten(-2)
