"""Layers used by several parts of the network: perceptron, input projection, QuickGELU."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from model.network.cpu_layers import Dropout, Linear


class Mlp(nn.Module):
    """Linear layers of the given widths with ReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(..., widths[0]) to (..., widths[-1])."""
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class InputProjection(nn.Module):
    """Two blocks of layer norm, dropout and a linear layer, with ReLU after the first block."""

    def __init__(self, inputs: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(inputs), nn.LayerNorm(dim)])
        self.linears = nn.ModuleList([Linear(inputs, dim), Linear(dim, dim)])
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, inputs) to (B, L, dim)."""
        x = self.linears[0](self.dropout(self.norms[0](x))).relu()
        return self.linears[1](self.dropout(self.norms[1](x)))


class QuickGelu(nn.Module):
    """x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return x * torch.sigmoid(1.702 * x)
