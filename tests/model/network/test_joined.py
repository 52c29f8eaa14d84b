"""Joined operators compute what torch's compute one by one, and drop the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from model.network import joined
from model.network.cpu_layers import Dropout, Linear, PReLU, seed_dropout
from model.network.encoders import EncoderLayer, TextToVideoLayer


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Threads among which even small tensors are divided."""
    monkeypatch.setattr(joined, "FEWEST_DIVIDED", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: request.param)
    count: int = request.param
    return count


class Ends(nn.Module):
    """Both functions: the first norm's sum and output, and the second with a layer in front of it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dropout, self.activation = Dropout(0.3), PReLU(-0.4)
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.linear1, self.linear2 = Linear(dim, 2 * dim), Linear(2 * dim, dim)
        for index, parameter in enumerate(self.parameters()):
            nn.init.normal_(parameter, mean=index % 2)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        total, normed = joined.add_and_norm(x, h, self.dropout, self.norms[0])
        hidden = joined.activate(normed, self.linear1, self.activation, self.dropout)
        return joined.add_and_norm(total, hidden, self.dropout, self.norms[1], self.linear2)[1]


def results(module: nn.Module, on: bool, short: bool, *inputs: Tensor) -> list[Tensor]:
    """The output, and the gradients of inputs and parameters, in float32 or in bfloat16."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    seed_dropout(1)
    with torch.autocast("cpu", torch.bfloat16, enabled=short), joined.joining(on):
        output = module(*leaves)
    weights = torch.linspace(-1, 1, output.numel()).view_as(output)
    (output * weights).sum().backward()
    found = [output.detach(), *(x.grad for x in (*leaves, *module.parameters()) if x.grad is not None)]
    module.zero_grad()
    return found


@pytest.mark.parametrize("shape", [(5, 7, 12), (1, 1, 40), (2, 13)])
def test_they_compute_what_torch_does(shape: tuple[int, ...], threads: int) -> None:
    torch.manual_seed(0)
    module, x, h = Ends(shape[-1]).train(), torch.randn(shape), torch.randn(shape)
    separate, found = (results(module, on, False, x, h) for on in (False, True))
    assert len(found) == 3 + len(list(module.parameters()))
    for mine, other in zip(found, separate, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4)
    again = results(module, True, False, x, h)
    assert all(torch.equal(mine, same) for mine, same in zip(found, again, strict=True))


def test_bfloat16_is_rounded_no_more_than_by_torch(threads: int) -> None:
    """Against float32, the error of each result is at most half as large again."""
    torch.manual_seed(0)
    module, x, h = Ends(24).train(), torch.randn(16, 9, 24).bfloat16().float(), torch.randn(16, 9, 24)
    exact = results(module, False, False, x, h)
    separate, found = (results(module, on, True, x, h.bfloat16()) for on in (False, True))
    for mine, other, right in zip(found, separate, exact, strict=True):
        error, allowed = ((given.float() - right).norm() / right.norm() for given in (mine, other))
        assert error < max(1.5 * allowed.item(), 0.004)


@pytest.mark.parametrize("kind", [TextToVideoLayer, EncoderLayer])
def test_the_encoders_join_in_training_only(kind: type[nn.Module], threads: int) -> None:
    torch.manual_seed(0)
    layer, x = kind(8, 2, 16, 0.2), torch.randn(3, 5, 8)
    mask = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]

    def run(on: bool) -> tuple[Tensor, set[str]]:
        seed_dropout(1)
        with joined.joining(on):
            output: Tensor = layer(x, x, mask, x) if kind is TextToVideoLayer else layer(x, mask, x)
        nodes, left = set(), [output.grad_fn]
        while left:
            node = left.pop()
            if node is not None and node not in nodes:
                nodes.add(node)
                left += [after for after, _ in node.next_functions]
        return output, {node.name() for node in nodes}

    (separate, plain), (found, names) = run(False), run(True)
    torch.testing.assert_close(found, separate)
    assert {"_ActivateBackward", "_AddAndNormBackward"} <= names and "_AddAndNormBackward" not in plain
    layer.eval()
    assert torch.equal(run(True)[0], run(False)[0])


def test_without_a_compiler_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert joined.can_join() and not caplog.messages
    joined._compile.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not joined.can_join()
    failing = tmp_path / "gcc"
    failing.write_text("#!/bin/sh\necho 'gcc: unknown processor' >&2\nexit 1\n")
    failing.chmod(0o755)
    assert not joined.can_join()
    start = "train.joined_operators has no effect: "
    assert caplog.messages == [f"{start}[Errno 2] No such file or directory: 'gcc'", f"{start}gcc: unknown processor"]
