"""Layers used by several parts of the network: perceptron, input projection, QuickGELU, and parts of an encoder."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from model.network import cpu_blocks
from model.network.cpu_layers import Dropout, Linear, PReLU, is_plain


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


def feed_forward(x: Tensor, first: Linear, activation: PReLU, second: Linear, dropout: Dropout) -> Tensor:
    """Linear layer, activation, dropout, linear layer, of (..., D)."""
    if _is_trained(x) and float(activation.weight.detach()) >= cpu_blocks.SMALLEST_SLOPE:
        weights = [(layer.weight, layer.bias) for layer in (first, second)]
        probability = dropout.p if dropout.training else 0.0
        return cpu_blocks.feed_forward(x, weights[0], activation.weight, weights[1], probability)
    return second(dropout(activation(first(x))))


def add_and_norm(x: Tensor, update: Tensor, norm: nn.LayerNorm, dropout: Dropout) -> Tensor:
    """Layer norm of x plus the update after dropout; each (..., D)."""
    if _is_trained(x):
        probability = dropout.p if dropout.training else 0.0
        return cpu_blocks.add_and_norm(x, update, norm.weight, norm.bias, norm.eps, probability)
    return norm(x + dropout(update))


def _is_trained(x: Tensor) -> bool:
    return torch.is_grad_enabled() and is_plain(x)
