"""Parts of layers whose training step on a CPU reads and writes memory as little as possible.

Torch computes one operator after the other, each over whole tensors, which leave the processor's cache in between. Here
a few rows go through all operators of a part before the next rows do, forward and backward; dropout keeps a byte per
number. Results equal those of the separate operators, but for rounding in sums over rows.

All functions take float32 tensors on a CPU outside autocast (`is_plain`); others are for torch's operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from model.network import cpu_layers
from model.network.cpu_layers import draw_kept, multiply

_BLOCK = 1 << 18
"""Numbers per tensor and block, 1 MiB: three of them stay in the cache of a core."""

SMALLEST_SLOPE = 2.0**-10
"""Slope of a PReLU from which its input follows from its output."""


def feed_forward(
    x: Tensor, first: tuple[Tensor, Tensor], slope: Tensor, second: tuple[Tensor, Tensor], dropout: float
) -> Tensor:
    """Linear layer, PReLU, dropout, linear layer, of (..., D); the slope is at least `SMALLEST_SLOPE`.

    Args:
        first, second: weight and bias of the linear layers.
        dropout: probability; 0 = none.
    """
    result: Tensor = _FeedForward.apply(x, *first, slope, *second, dropout)
    return result


def add_and_norm(x: Tensor, update: Tensor, weight: Tensor, bias: Tensor, eps: float, dropout: float) -> Tensor:
    """Layer norm of x plus the update after dropout; each (..., D)."""
    result: Tensor = _AddAndNorm.apply(x, update, weight, bias, eps, dropout)
    return result


def attend(query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | None, dropout: float) -> Tensor:
    """Attention of heads (M, N, D) over (M, L, D), with dropout of the weights.

    Args:
        hidden: (M, 1 or N, L), 0 or minus infinity, added to the scores.
    """
    result: Tensor = _Attend.apply(query, key, value, hidden, dropout)
    return result


class _Kept:
    """What dropout keeps of a tensor, whose first dimension is cut into blocks."""

    def __init__(self, rows: int, shape: tuple[int, ...], probability: float) -> None:
        self._shape = shape
        self._kept: NDArray[np.int8] | None = None
        if probability:
            kept, self._scale = draw_kept(rows * int(np.prod(shape)), probability)
            self._kept = kept.reshape(rows, *shape)

    def drop(self, x: Tensor, rows: slice) -> Tensor:
        """Apply to some rows, in place."""
        if self._kept is None:
            return x
        return x.mul_(torch.from_numpy(self._kept[rows].astype(np.float32))).mul_(self._scale)

    @property
    def scale(self) -> float:
        """Factor of what is kept."""
        return 1.0 if self._kept is None else self._scale


def _blocks(rows: int, width: int) -> Iterator[slice]:
    """Rows of blocks of tensors with `width` numbers per row."""
    size = max(1, _BLOCK // width)
    yield from (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def _multiply(a: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> None:
    """(M, K) times the transpose of (N, K), into (M, N)."""
    if cpu_layers.ONEDNN:
        out.copy_(multiply(a, weight, bias))
    elif bias is None:
        torch.mm(a, weight.t(), out=out)
    else:
        torch.addmm(bias, a, weight.t(), out=out)


def _add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    """Add the transpose of (R, M) times (R, N) to (M, N)."""
    if cpu_layers.ONEDNN:
        total += multiply(a.t(), b.t(), None)
    else:
        total.addmm_(a.t(), b)


class _FeedForward(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight1: Tensor, bias1: Tensor, slope: Tensor, weight2: Tensor, bias2: Tensor, p: float
    ) -> Tensor:
        flat = x.flatten(0, -2)
        hidden, out = flat.new_empty(len(flat), len(weight1)), flat.new_empty(len(flat), len(weight2))
        kept, factor = _Kept(len(flat), (len(weight1),), p), float(slope)
        for rows in _blocks(*hidden.shape):
            block = hidden[rows]
            _multiply(flat[rows], weight1, bias1, block)
            kept.drop(torch.nn.functional.leaky_relu_(block, factor), rows)
            _multiply(block, weight2, bias2, out[rows])
        ctx.save_for_backward(flat, weight1, weight2, hidden)
        ctx.kept, ctx.factor, ctx.slope_shape = kept, factor, slope.shape
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        flat, weight1, weight2, hidden = ctx.saved_tensors
        given = gradient.flatten(0, -2)
        for_x = torch.empty_like(flat)
        for_weight1, for_weight2 = torch.zeros_like(weight1), torch.zeros_like(weight2)
        for_bias1, for_slope = weight1.new_zeros(len(weight1)), weight1.new_zeros(())
        turned1, turned2 = weight1.t(), weight2.t()
        for rows in _blocks(*hidden.shape):
            block, out = hidden[rows], given[rows]
            _add_product(for_weight2, out, block)
            inner = torch.empty_like(block)
            _multiply(out, turned2, None, inner)
            ctx.kept.drop(inner, rows)
            # Below 0, `block` is slope * scale times the input of the PReLU, where it is kept.
            for_slope += torch.dot(inner.flatten(), block.clamp(max=0).flatten())
            inner = torch.ops.aten.leaky_relu_backward(inner, block, ctx.factor, False)
            _add_product(for_weight1, inner, flat[rows])
            for_bias1 += inner.sum(dim=0)
            _multiply(inner, turned1, None, for_x[rows])
        for_slope /= ctx.factor * ctx.kept.scale
        for_bias2 = given.sum(dim=0)
        shaped = for_x.view(*gradient.shape[:-1], -1)
        return shaped, for_weight1, for_bias1, for_slope.view(ctx.slope_shape), for_weight2, for_bias2, None


class _AddAndNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, update: Tensor, weight: Tensor, bias: Tensor, eps: float, p: float) -> Tensor:
        base, added = x.flatten(0, -2), update.flatten(0, -2)
        joined, out = torch.empty_like(added), torch.empty_like(added)
        kept, facts = _Kept(len(added), added.shape[1:], p), []
        for rows in _blocks(*added.shape):
            total = joined[rows].copy_(added[rows])
            kept.drop(total, rows).add_(base[rows])
            normed, mean, deviation = torch.native_layer_norm(total, total.shape[1:], weight, bias, eps)
            out[rows] = normed
            facts += [mean, deviation]
        ctx.save_for_backward(joined, weight, bias, *facts)
        ctx.kept, ctx.shape = kept, x.shape
        return out.view(x.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        joined, weight, bias, *facts = ctx.saved_tensors
        given = gradient.reshape(joined.shape)
        for_x, for_update = torch.empty_like(joined), torch.empty_like(joined)
        for_weight, for_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        for index, rows in enumerate(_blocks(*joined.shape)):
            mean, deviation = facts[2 * index : 2 * index + 2]
            inner, weights, biases = torch.ops.aten.native_layer_norm_backward(
                given[rows], joined[rows], joined.shape[1:], mean, deviation, weight, bias, (True, True, True)
            )
            for_weight += weights
            for_bias += biases
            for_x[rows] = inner
            for_update[rows] = ctx.kept.drop(inner, rows)
        return for_x.view(ctx.shape), for_update.view(ctx.shape), for_weight, for_bias, None, None


class _Attend(Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | None, p: float) -> Tensor:
        weights = query.new_empty(*query.shape[:2], key.shape[1])
        out = query.new_empty(*query.shape[:2], value.shape[2])
        kept = _Kept(len(query), (query.shape[1], key.shape[1]), p)
        nothing, scale = query.new_zeros(1, 1, 1), query.shape[2] ** -0.5
        for rows in _blocks(len(query), weights[0].numel()):
            added = nothing if hidden is None else hidden[rows]
            scores = torch.baddbmm(
                added, query[rows], key[rows].transpose(1, 2), beta=0 if hidden is None else 1, alpha=scale
            )
            block = torch.softmax(scores, -1, out=weights[rows])
            torch.bmm(kept.drop(scores.copy_(block), rows), value[rows], out=out[rows])
        ctx.save_for_backward(query, key, value, weights)
        ctx.kept = kept
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, weights = ctx.saved_tensors
        given = gradient.contiguous()
        for_query, for_key, for_value = torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)
        for rows in _blocks(len(query), weights[0].numel()):
            block, out = weights[rows], given[rows]
            dropped = ctx.kept.drop(block.clone(), rows)
            torch.bmm(dropped.transpose(1, 2), out, out=for_value[rows])
            inner = ctx.kept.drop(torch.bmm(out, value[rows].transpose(1, 2)), rows)
            inner = torch.ops.aten._softmax_backward_data(inner, block, -1, torch.float32).mul_(query.shape[2] ** -0.5)
            torch.bmm(inner, key[rows], out=for_query[rows])
            torch.bmm(inner.transpose(1, 2), query[rows], out=for_key[rows])
        return for_query, for_key, for_value, None, None
