"""CLIP's activation, which the published fusion block has throughout."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class QuickGelu(nn.Module):
    """x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return x * torch.sigmoid(1.702 * x)
