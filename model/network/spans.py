"""Spans in time as (center, width) or (start, end), in any unit."""

from __future__ import annotations

import torch
from torch import Tensor


def to_bounds(spans: Tensor) -> Tensor:
    """Convert (..., 2) center and width to start and end."""
    center, width = spans.unbind(-1)
    return torch.stack([center - width / 2, center + width / 2], dim=-1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of bounds (..., 2) with other bounds, row by row: IoU - (hull - union) / hull.

    Shapes broadcast: (N, 1, 2) and (1, M, 2) give each pair, (N, M).
    """
    (a_start, a_end), (b_start, b_end) = a.unbind(-1), b.unbind(-1)
    intersection = (torch.minimum(a_end, b_end) - torch.maximum(a_start, b_start)).clamp(min=0)
    union = (a_end - a_start) + (b_end - b_start) - intersection
    hull = torch.maximum(a_end, b_end) - torch.minimum(a_start, b_start)
    return intersection / union - (hull - union) / hull


def inverse_sigmoid(x: Tensor, eps: float = 1e-3) -> Tensor:
    """Logit of fractions; x and 1 - x are clamped to at least `eps`."""
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=eps) / (1 - x).clamp(min=eps))
