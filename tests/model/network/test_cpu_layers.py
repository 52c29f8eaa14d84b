"""The faster layers compute what torch's compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network import cpu_layers

AVAILABLE = torch.backends.mkldnn.is_available()
VENDORS = ("GenuineIntel", "AuthenticAMD")


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tensors would be left to torch, and on some processors all products."""
    monkeypatch.setattr(cpu_layers, "ONEDNN", AVAILABLE)
    monkeypatch.setattr(cpu_layers, "FEWEST_PRODUCTS", 1)
    monkeypatch.setattr(cpu_layers, "FEWEST_SLOPES", 1)


def compare(ours: nn.Module, theirs: nn.Module, *inputs: Tensor) -> None:
    """Outputs, and gradients of parameters and inputs."""
    theirs.load_state_dict(ours.state_dict())
    found: list[list[Tensor]] = []
    for module in (ours, theirs):
        leaves = [x.clone().requires_grad_() for x in inputs]
        output = module(*leaves)
        weights = torch.linspace(-1, 1, output.numel()).view_as(output)
        found.append([output, *torch.autograd.grad((output * weights).sum(), [*leaves, *module.parameters()])])
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", [(5, 7), (3, 4, 7), (2, 0, 7), (7,)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(shape: tuple[int, ...], bias: bool) -> None:
    torch.manual_seed(0)
    compare(cpu_layers.Linear(7, 6, bias=bias), nn.Linear(7, 6, bias=bias), torch.randn(shape))


def test_linear_of_parts_and_of_turned_tensors() -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(12, 8), torch.randn(3, 8, 5).transpose(1, 2)
    torch.testing.assert_close(cpu_layers.linear(x, weight[4:8]), functional.linear(x, weight[4:8]))
    torch.testing.assert_close(
        cpu_layers.linear(x[:, 1:], weight.chunk(3)[1]), functional.linear(x[:, 1:], weight[4:8])
    )


def test_linear_follows_autocast() -> None:
    layer = cpu_layers.Linear(8, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(3, 8)).dtype == torch.bfloat16
    assert layer.double()(torch.randn(3, 8, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.skipif(not AVAILABLE, reason="torch includes its own library alone")
def test_the_processor_chooses_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    processors = [(f"vendor_id : {vendor}", widest) for vendor in VENDORS for widest in ("AVX512", "AVX2", "DEFAULT")]
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    chosen = [processor for processor in processors if cpu_layers.choose_onednn(*processor)]
    assert chosen == [("vendor_id : AuthenticAMD", "AVX512")]
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    assert all(cpu_layers.choose_onednn(*processor) for processor in processors), "as on ARM"


@pytest.mark.parametrize("onednn", [True, False])
def test_each_library_gives_the_same(onednn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_layers, "ONEDNN", onednn and AVAILABLE)
    torch.manual_seed(0)
    x, weight = torch.randn(3, 8), torch.randn(4, 8, requires_grad=True)
    output = cpu_layers.linear(x, weight)
    assert output.grad_fn is not None
    assert (output.grad_fn.name() == "_LinearFunctionBackward") == (onednn and AVAILABLE)
    compare(cpu_layers.Linear(8, 4), nn.Linear(8, 4), x)


def test_prelu() -> None:
    torch.manual_seed(0)
    compare(cpu_layers.PReLU(), nn.PReLU(), torch.randn(4, 5, 6))
    negative = cpu_layers.PReLU(init=-0.5)  # a slope may become negative in training
    compare(negative, nn.PReLU(), torch.randn(4, 5, 6))


@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_dropout_keeps_mean_and_share(probability: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(400, 1001, requires_grad=True)
    dropped = cpu_layers.dropout(x, probability, training=True)
    # 400,000 draws: four standard errors of the share are 0.003.
    assert (dropped == 0).float().mean().item() == pytest.approx(probability, abs=0.003)
    assert dropped[dropped > 0].unique().tolist() == pytest.approx([1 / (1 - probability)], rel=1e-4)
    (gradient,) = torch.autograd.grad(dropped.sum(), x)
    assert torch.equal(gradient, dropped.detach())
    assert cpu_layers.dropout(x, probability, training=False) is x


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_dropout_keeps_the_mean_in_short_numbers(dtype: torch.dtype) -> None:
    """1 / 0.9 is 1.1094 in bfloat16: a mask that holds it makes all that is kept 0.16 % too small."""
    torch.manual_seed(0)
    x = (1 + torch.rand(400, 1001)).to(dtype).requires_grad_()
    weights = (1 + torch.rand(400, 1001)).to(dtype)
    dropped = cpu_layers.dropout(x, 0.1, training=True)
    assert dropped.dtype == dtype
    kept = dropped > 0
    (gradient,) = torch.autograd.grad((dropped * weights).sum(), x)
    for found, given in ((dropped, x), (gradient, weights)):
        assert (found[kept].double().mean() / given[kept].double().mean()).item() == pytest.approx(1 / 0.9, rel=1e-4)
    assert not gradient[~kept].any()


@pytest.mark.parametrize("rows", [3, 1000])
def test_dropout_follows_the_seed_and_never_repeats(rows: int) -> None:
    """A small tensor takes a part of a block of random bits, a large one more than a block."""

    def draw() -> Tensor:
        return cpu_layers.dropout(torch.ones(rows, 333), 0.5, training=True)

    cpu_layers.seed_dropout(1)
    first, second = draw(), draw()
    cpu_layers.seed_dropout(1)
    assert torch.equal(draw(), first)
    assert not torch.equal(first, second)
    # Neighbours are independent: 16 bits of a word decide each.
    kept = torch.cat([draw().flatten() for _ in range(300 // rows + 1)]) > 0
    for distance in (1, 2, 3, 4):
        assert (kept[distance:] == kept[:-distance]).float().mean().item() == pytest.approx(0.5, abs=0.01)


def test_seeding_dropout_seeds_torch() -> None:
    """Whose generator draws the masks of other devices."""
    cpu_layers.seed_dropout(7)
    drawn = torch.rand(3)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(3))


@pytest.mark.parametrize("same", [(0, 1, 2), (0, 0, 1), (0, 1, 1), (0, 0, 0), (0, 1, 0)])
def test_attention(same: tuple[int, ...]) -> None:
    """Whichever of query, key and value are one tensor."""
    torch.manual_seed(0)
    ours, theirs = cpu_layers.Attention(8, 2).train(), nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    tensors = [torch.randn(3, 5, 8) for _ in range(3)]
    query, key, value = (tensors[index] for index in same)
    mask = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
    expected, _ = theirs(query, key, value, key_padding_mask=~mask, need_weights=False)
    torch.testing.assert_close(ours.attend(query, key, value, mask), expected)


def test_attention_drops_weights() -> None:
    """Every weight is dropped or raised by 1 / 0.8; of values of 1 the mean over many draws stays 1."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 50, 4), torch.randn(2, 2, 60, 4)
    mask = torch.arange(60) < torch.tensor([60, 40])[:, None]
    value = torch.ones(2, 2, 60, 1)
    drawn = torch.stack([cpu_layers.scaled_attention(query, key, value, mask, 0.2) for _ in range(50)])
    assert drawn.std() > 0.01
    assert drawn.mean().item() == pytest.approx(1.0, abs=0.01)
    exact = cpu_layers.scaled_attention(query, key, value, mask, 0.0)
    torch.testing.assert_close(exact, torch.ones_like(exact))
