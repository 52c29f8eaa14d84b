"""A multi-layer perceptron with ReLU between its layers."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from model.kernels import Linear


class Mlp(nn.Module):
    """Linear layers of the given widths, ReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Linear(inputs, outputs) for inputs, outputs in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """(..., widths[0]) to (..., widths[-1])."""
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)
