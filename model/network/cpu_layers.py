"""Drop-in replacements for torch's layers that are faster on a CPU. On other devices they use torch's code.

Measured with torch 2.13 and one thread on an AMD processor, for layers from 256 to 1024 channels on 2400 rows: torch's
float32 products run in MKL, which leaves half of the vector width unused there (90 GFLOP/s, against 200 with oneDNN,
which torch also includes; the gain depends on the processor, see docs/measurements/performance.md); its dropout draws
masks at 5 ns per element (here 0.6); its PReLU takes 14 ms forward and backward (here 2). On an Intel processor, MKL is
as fast as oneDNN in forward passes, and 1.3 to 1.8 times as fast in the gradients of weights; on an AMD processor
without AVX-512, whole steps take 0.93 to 0.95 of the time with it.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

FEWEST_PRODUCTS = 1 << 24
FEWEST_SLOPES = 1 << 13
"""Below these sizes, the Python overhead exceeds the gain."""


def _describe_processor() -> str:
    """The first processor of /proc/cpuinfo, or elsewhere what the system calls it; both have the vendor's name."""
    facts = Path("/proc/cpuinfo")
    return facts.read_text(encoding="utf-8").partition("\n\n")[0] if facts.exists() else platform.processor()


def choose_onednn(processor: str, instructions: str) -> bool:
    """Whether float32 products of training run in oneDNN, if torch includes it, rather than in torch's own library.

    The processor decides, so that a machine always gives the same numbers; rates that are measured at the start would
    not.

    Args:
        processor: its description, with the vendor's name.
        instructions: the widest that torch uses, `torch.backends.cpu.get_cpu_capability()`: those of the processor
            unless ATEN_CPU_CAPABILITY says otherwise, which changes torch's own numbers, too.
    """
    fast = torch.backends.mkl.is_available() and ("GenuineIntel" in processor or not instructions.startswith("AVX512"))
    return torch.backends.mkldnn.is_available() and not fast


ONEDNN = choose_onednn(_describe_processor(), torch.backends.cpu.get_cpu_capability())

_DRAWS = 1 << 16
"""Masks compare 16 random bits, so probabilities are exact to within 1 / 131,072; the scale matches the mask."""
_BLOCK = 1 << 18
"""Numbers drawn at once: 512 KiB, which stay in the processor's cache until they are used."""


def _multiply(a: Tensor, b: Tensor, bias: Tensor | None) -> Tensor:
    """(M, K) times the transpose of (N, K), by oneDNN."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, bias, "none", [], "")
    return product


def _is_plain(x: Tensor) -> bool:
    """Whether x is a float32 tensor on a CPU with oneDNN, outside autocast."""
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0
    return plain and torch.backends.mkldnn.is_available() and not torch.is_autocast_enabled("cpu")


class _LinearFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        flat = gradient.flatten(0, -2)
        for_x = for_weight = for_bias = None
        if ctx.needs_input_grad[0]:
            for_x = _multiply(flat, weight.t(), None).view_as(x)
        if ctx.needs_input_grad[1]:
            for_weight = _multiply(flat.t(), x.flatten(0, -2).t(), None)
        if ctx.needs_input_grad[2]:
            for_bias = flat.sum(dim=0)
        return for_x, for_weight, for_bias


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`torch.nn.functional.linear` of (..., K) and weights (N, K)."""
    large = x.dim() > 1 and x.numel() * len(weight) >= FEWEST_PRODUCTS
    if large and weight.dtype == torch.float32 and _is_plain(x):
        # Predictions run in oneDNN on any processor: the choice is about gradients.
        if not torch.is_grad_enabled():
            return _multiply(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], len(weight))
        if ONEDNN:
            result: Tensor = _LinearFunction.apply(x, weight, bias)
            return result
    return functional.linear(x, weight, bias)


class _RandomBits:
    """Random 16-bit numbers, drawn in blocks: a call of the generator takes as long as drawing 30,000 of them."""

    def __init__(self) -> None:
        self.seed(0)

    def seed(self, seed: int) -> None:
        """Start anew."""
        self._rng = np.random.Generator(np.random.SFC64(seed))
        self._rest = torch.empty(0, dtype=torch.int16)

    def take(self, count: int) -> Tensor:
        """The next numbers, (count,) int16."""
        if count > _BLOCK:
            return self._draw(count)
        if count > len(self._rest):
            self._rest = self._draw(_BLOCK)
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _draw(self, count: int) -> Tensor:
        words = self._rng.integers(0, 2**64 - 1, -(-count // 4), dtype=np.uint64, endpoint=True)
        return torch.from_numpy(words.view(np.int16)[:count])


_bits = _RandomBits()


def seed_dropout(seed: int) -> None:
    """Seed what dropout removes, on any device."""
    torch.manual_seed(seed)
    _bits.seed(seed)


def dropout(x: Tensor, probability: float, training: bool) -> Tensor:
    """`torch.nn.functional.dropout` with masks that `seed_dropout` seeds."""
    if not training or probability == 0.0 or x.device.type != "cpu":
        return functional.dropout(x, probability, training)
    mask, scale = _draw_mask(x.shape, probability, x.dtype)
    if x.dtype in (torch.bfloat16, torch.float16):
        # Multiplied into the mask, the scale would be rounded (bfloat16: 1 / 0.9 to 1.109), biasing all kept values.
        return (x * mask).mul_(scale)
    return x * mask.mul_(scale)


def draw_bits(count: int, probability: float) -> tuple[Tensor, int, float]:
    """What dropout decides by: random numbers (count,) int16, the least that keeps a value (a number below it drops the
    value, with about `probability`), and the factor that preserves the mean.
    """
    dropped = min(round(probability * _DRAWS), _DRAWS - 1)
    # Compared as signed numbers, of which as many lie below `dropped - 2^15`.
    return _bits.take(count), dropped - _DRAWS // 2, _DRAWS / (_DRAWS - dropped)


def _draw_mask(shape: torch.Size, probability: float, dtype: torch.dtype) -> tuple[Tensor, float]:
    """A mask that is 0 with about `probability`, else 1; and the factor that preserves the mean."""
    bits, least, scale = draw_bits(shape.numel(), probability)
    # By numpy, in a tenth of torch's time.
    kept = np.greater_equal(bits.numpy(), least).view(np.int8)
    mask = torch.from_numpy(kept.astype(np.float32) if dtype == torch.float32 else kept)
    return mask.view(shape).to(dtype), scale


class _PreluFunction(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return functional.leaky_relu(x, float(slope))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, slope = ctx.saved_tensors
        for_x = torch.ops.aten.leaky_relu_backward(gradient, x, float(slope), False)
        below = x.clamp(max=0).flatten().float()
        return for_x, torch.dot(gradient.flatten().float(), below).view_as(slope)


class Linear(nn.Linear):
    """Linear layer, faster on a CPU."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in torch
        """(..., K) to (..., N)."""
        return linear(input, self.weight, self.bias)


class Dropout(nn.Dropout):
    """Dropout, faster on a CPU."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in torch
        """Any shape."""
        return dropout(input, self.p, self.training)


class PReLU(nn.PReLU):
    """PReLU with one slope for all channels."""

    def __init__(self, init: float = 0.25) -> None:
        super().__init__(init=init)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in torch
        """Any shape. Without gradients, the input is overwritten."""
        if input.device.type != "cpu" or input.numel() < FEWEST_SLOPES:
            return super().forward(input)
        if not torch.is_grad_enabled():
            return functional.leaky_relu(input, float(self.weight), inplace=True)
        result: Tensor = _PreluFunction.apply(input, self.weight)
        return result


class Attention(nn.MultiheadAttention):
    """Multi-head attention over (B, L, D) that does not compute averaged attention weights."""

    def __init__(self, dim: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__(dim, n_heads, dropout=dropout, batch_first=True)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Queries (B, N, D) to keys and values (B, L, D). Returns (B, N, D).

        A tensor that is passed twice is projected once.

        Args:
            mask: (B, L), or (B, 1 or N, L) for a mask per query; True = valid.
        """
        weight, bias, dim = self.in_proj_weight, self.in_proj_bias, self.embed_dim
        projected: list[Tensor] = []
        first = 0
        for given in _group([query, key, value]):
            rows = slice(first, first + len(given) * dim)
            projected += linear(given[0], weight[rows], bias[rows]).chunk(len(given), dim=-1)
            first = rows.stop
        heads = [x.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for x in projected]
        attended = scaled_attention(heads[0], heads[1], heads[2], mask, self.dropout if self.training else 0.0)
        return linear(attended.transpose(1, 2).flatten(2), self.out_proj.weight, self.out_proj.bias)


def _group(tensors: list[Tensor]) -> list[list[Tensor]]:
    """Group neighbours that are the same tensor."""
    groups: list[list[Tensor]] = []
    for tensor in tensors:
        if groups and groups[-1][0] is tensor:
            groups[-1].append(tensor)
        else:
            groups.append([tensor])
    return groups


def scaled_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, probability: float) -> Tensor:
    """Attention of heads (B, H, N, D) over (B, H, L, D); dropout of the weights.

    Args:
        mask: (B, L), or (B, 1 or N, L) for a mask per query; True = valid.
    """
    shown = mask if mask is None or mask.dim() == 3 else mask.unsqueeze(1)
    if probability == 0.0 or query.device.type != "cpu":
        shown = None if shown is None else shown.unsqueeze(1)
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=shown, dropout_p=probability)
    # `@` of four dimensions does the same in three times as many calls.
    flat, keys, values = (x.flatten(0, 1) for x in (query, key, value))
    hidden, weight = flat.new_zeros(1, 1, 1), 0
    if shown is not None:
        hidden = flat.new_zeros(shown.shape).masked_fill_(~shown, float("-inf"))
        hidden, weight = hidden.repeat_interleave(query.shape[1], dim=0), 1
    scores = torch.baddbmm(hidden, flat, keys.transpose(1, 2), beta=weight, alpha=flat.shape[-1] ** -0.5)
    return torch.bmm(dropout(scores.softmax(-1), probability, True), values).view(*query.shape[:3], -1)
