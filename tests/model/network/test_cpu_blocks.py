"""Parts of layers that go block by block give what the separate operators give, forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from model.network import cpu_blocks, cpu_layers

# Blocks of 64 numbers: the 21 rows below make several, the last of them smaller.
ROWS = (3, 7)


@pytest.fixture(autouse=True, params=[True, False], ids=["oneDNN", "torch"])
def with_small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_blocks, "_BLOCK", 64)
    monkeypatch.setattr(cpu_layers, "ONEDNN", request.param and torch.backends.mkldnn.is_available())


def compare(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], inputs: dict[str, Tensor]) -> None:
    """Outputs and gradients of all inputs, with the same draws of dropout."""
    found = []
    for function in (ours, theirs):
        cpu_layers.seed_dropout(5)
        leaves = {name: x.clone().requires_grad_() for name, x in inputs.items()}
        output = function(**leaves)
        weights = torch.linspace(-1, 1, output.numel()).view_as(output)
        found.append([output, *torch.autograd.grad((output * weights).sum(), list(leaves.values()))])
    for mine, other in zip(*found, strict=True):
        assert mine.shape == other.shape
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("probability", [0.0, 0.3])
@pytest.mark.parametrize("slope", [0.25, 1.0, cpu_blocks.SMALLEST_SLOPE])
def test_feed_forward(probability: float, slope: float) -> None:
    torch.manual_seed(0)
    inputs = {"x": torch.randn(*ROWS, 6), "a": torch.randn(16, 6), "b": torch.randn(16), "slope": torch.tensor([slope])}
    inputs |= {"c": torch.randn(5, 16), "d": torch.randn(5)}

    def ours(x: Tensor, a: Tensor, b: Tensor, slope: Tensor, c: Tensor, d: Tensor) -> Tensor:
        return cpu_blocks.feed_forward(x, (a, b), slope, (c, d), probability)

    def theirs(x: Tensor, a: Tensor, b: Tensor, slope: Tensor, c: Tensor, d: Tensor) -> Tensor:
        hidden = functional.prelu(functional.linear(x, a, b), slope)
        return functional.linear(cpu_layers.dropout(hidden, probability, True), c, d)

    compare(ours, theirs, inputs)


@pytest.mark.parametrize("probability", [0.0, 0.3])
def test_add_and_norm(probability: float) -> None:
    torch.manual_seed(0)
    inputs = {"x": torch.randn(*ROWS, 6), "update": torch.randn(*ROWS, 6)}
    inputs |= {"weight": torch.randn(6), "bias": torch.randn(6)}

    def ours(x: Tensor, update: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return cpu_blocks.add_and_norm(x, update, weight, bias, 1e-5, probability)

    def theirs(x: Tensor, update: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional.layer_norm(x + cpu_layers.dropout(update, probability, True), (6,), weight, bias, 1e-5)

    compare(ours, theirs, inputs)


@pytest.mark.parametrize("probability", [0.0, 0.3])
@pytest.mark.parametrize("masked", [True, False])
def test_attend(probability: float, masked: bool) -> None:
    torch.manual_seed(0)
    inputs = {"query": torch.randn(9, 4, 3), "key": torch.randn(9, 5, 3), "value": torch.randn(9, 5, 2)}
    shown = torch.arange(5) < torch.arange(1, 10).clamp(max=5)[:, None, None]
    hidden = torch.zeros(9, 1, 5).masked_fill(~shown, float("-inf")) if masked else None

    def ours(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return cpu_blocks.attend(query, key, value, hidden, probability)

    def theirs(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = query @ key.transpose(1, 2) / 3**0.5
        weights = (scores if hidden is None else scores + hidden).softmax(-1)
        return cpu_layers.dropout(weights, probability, True) @ value

    compare(ours, theirs, inputs)
