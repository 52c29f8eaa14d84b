"""Spans in time as (center, width) or (start, end), in any unit."""

from __future__ import annotations

import torch
from torch import Tensor


def to_bounds(spans: Tensor) -> Tensor:
    """Convert (..., 2) center and width to start and end."""
    center, width = spans.unbind(-1)
    return torch.stack([center - width / 2, center + width / 2], dim=-1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of each pair of bounds (N, 2) and (M, 2), as (N, M): IoU - (hull - union) / hull."""
    left = torch.maximum(a[:, None, 0], b[None, :, 0])
    right = torch.minimum(a[:, None, 1], b[None, :, 1])
    intersection = (right - left).clamp(min=0)
    union = (a[:, 1] - a[:, 0])[:, None] + (b[:, 1] - b[:, 0])[None, :] - intersection
    hull = torch.maximum(a[:, None, 1], b[None, :, 1]) - torch.minimum(a[:, None, 0], b[None, :, 0])
    return intersection / union - (hull - union) / hull


def paired_generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of bounds (N, 2) with those in the same row of other bounds (N, 2), as (N,).

    The diagonal of `generalised_iou`, in memory that grows with N instead of its square.
    """
    intersection = (torch.minimum(a[:, 1], b[:, 1]) - torch.maximum(a[:, 0], b[:, 0])).clamp(min=0)
    union = (a[:, 1] - a[:, 0]) + (b[:, 1] - b[:, 0]) - intersection
    hull = torch.maximum(a[:, 1], b[:, 1]) - torch.minimum(a[:, 0], b[:, 0])
    return intersection / union - (hull - union) / hull


def inverse_sigmoid(x: Tensor, eps: float = 1e-3) -> Tensor:
    """Logit of fractions; x and 1 - x are clamped to at least `eps`."""
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=eps) / (1 - x).clamp(min=eps))
