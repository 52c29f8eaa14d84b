"""Operators of a training step joined into compiled ones, which read and write memory once (`joined.c`).

With `train.joined_operators`, gcc compiles them in 2 s when a training starts, for the processor that it runs on. The
same numbers are dropped as without, and results differ by rounding. Otherwise torch computes one operator at a time.
"""

from __future__ import annotations

import ctypes
import logging
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from model.network.cpu_layers import Dropout, Linear, PReLU, draw_bits, linear

_log = logging.getLogger(__name__)

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = {torch.float32: [], torch.bfloat16: ["-DSHORT"]}
FEWEST_DIVIDED = 1 << 15
"""Numbers from which the threads divide the rows of a tensor."""

_P, _I, _F, _N = ctypes.c_void_p, ctypes.c_int, ctypes.c_float, ctypes.c_long
_DROPPED, _SIZE = [_P, _I, _F], [_I, _N, _N]
_ARGUMENTS = {
    "activate": [_P, _F, *_DROPPED, _P, *_SIZE],
    "activate_backward": [_P, _P, _F, *_DROPPED, _P, _P, _P, *_SIZE],
    "add_and_norm": [_P, _P, *_DROPPED, _P, _P, _F, _P, _P, _P, *_SIZE],
    "add_and_norm_backward": [_P, _P, _P, _P, *_DROPPED, _P, _P, _P, _P, *_SIZE],
}
_on = False


@cache
def _compile(dtype: torch.dtype) -> ctypes.CDLL:
    """The functions of `joined.c` for numbers of this type."""
    with tempfile.TemporaryDirectory() as name:
        compiled, library = Path(name, "joined.o"), Path(name, "joined.so")
        flags = ["-O3", "-march=native", "-fopenmp", "-fPIC", "-fno-math-errno", "-fno-trapping-math", *FLAGS[dtype]]
        # Linked without -fopenmp: its functions are those that torch has loaded, so both use the same threads.
        commands = [*flags, "-c", str(SOURCE), "-o", str(compiled)], ["-shared", str(compiled), "-o", str(library)]
        for options in commands:
            subprocess.run(["gcc", *options], check=True, capture_output=True, text=True)
        found = ctypes.CDLL(str(library))
    for function, arguments in _ARGUMENTS.items():
        getattr(found, function).argtypes = arguments
        getattr(found, function).restype = None
    return found


def can_join() -> bool:
    """Whether the operators can be compiled here; logs why not."""
    try:
        for dtype in FLAGS:
            _compile(dtype)
    except (OSError, subprocess.CalledProcessError) as problem:
        cause = problem.stderr.strip() if isinstance(problem, subprocess.CalledProcessError) else str(problem)
        _log.warning("train.joined_operators has no effect: %s", cause.split("\n")[0])
        return False
    return True


@contextmanager
def joining(on: bool) -> Iterator[None]:
    """Join operators of training, or do not, which is the default."""
    global _on
    before, _on = _on, on
    try:
        yield
    finally:
        _on = before


def _joins(x: Tensor, dropout: Dropout) -> bool:
    return _on and dropout.training and dropout.p > 0.0 and x.dtype in FLAGS and x.device.type == "cpu"


def _size(x: Tensor) -> tuple[int, int, int]:
    """Threads that divide the rows, rows, numbers per row."""
    return torch.get_num_threads() if x.numel() >= FEWEST_DIVIDED else 1, x.numel() // x.shape[-1], x.shape[-1]


def _call(function: str, dtype: torch.dtype, *arguments: Tensor | float | None) -> None:
    given = (value.data_ptr() if isinstance(value, Tensor) else value for value in arguments)
    getattr(_compile(dtype), function)(*given)


class _Activate(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, slope: Tensor, probability: float) -> Tensor:
        x, y, ctx.slope = x.contiguous(), torch.empty_like(x), float(slope)
        bits, *ctx.dropping = draw_bits(x.numel(), probability)
        ctx.save_for_backward(x, bits)
        _call("activate", x.dtype, x, ctx.slope, bits, *ctx.dropping, y, *_size(x))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, bits = ctx.saved_tensors
        size, given, for_x = _size(x), (x, ctx.slope, bits, *ctx.dropping), torch.empty_like(x)
        for_slope, for_bias = torch.zeros(size[0], dtype=torch.float64), torch.zeros(size[0], size[2])
        _call("activate_backward", x.dtype, gradient.contiguous(), *given, for_x, for_slope, for_bias, *size)
        return for_x, for_bias.sum(0), for_slope.sum(0, keepdim=True).float(), None


class _AddAndNorm(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, h: Tensor, bias: Tensor | None, weight: Tensor, shift: Tensor, epsilon: float, p: float
    ) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        x, h, size = x.contiguous().float(), h.contiguous(), _size(x)
        z, y, moments = torch.empty_like(x), torch.empty_like(x), x.new_empty(size[1], 2)
        bits, *ctx.dropping = draw_bits(h.numel(), p)
        ctx.dtype, ctx.biased = h.dtype, bias is not None
        ctx.save_for_backward(z, moments, bits, weight)
        _call("add_and_norm", h.dtype, x, h, bits, *ctx.dropping, weight, shift, epsilon, z, y, moments, *size)
        return z, y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_z: Tensor | None, for_y: Tensor | None) -> tuple[Tensor | None, ...]:
        z, moments, bits, weight = ctx.saved_tensors
        for_y = torch.zeros_like(z) if for_y is None else for_y.contiguous()
        for_z = None if for_z is None else for_z.contiguous()
        for_x, for_h, size = torch.empty_like(z), torch.empty_like(z, dtype=ctx.dtype), _size(z)
        sums = torch.zeros(size[0], 3, size[2])
        given = (for_y, for_z, z, moments, bits, *ctx.dropping, weight)
        _call("add_and_norm_backward", ctx.dtype, *given, for_x, for_h, sums, *size)
        for_weight, for_shift, for_bias = sums.sum(0)
        return for_x, for_h, for_bias if ctx.biased else None, for_weight, for_shift, None, None


def activate(x: Tensor, layer: Linear, activation: PReLU, dropout: Dropout) -> Tensor:
    """Linear layer, PReLU with one slope, and dropout of (..., K) to (..., N)."""
    if not _joins(x, dropout):
        return dropout(activation(layer(x)))
    # The bias' gradient is a sum over what the joined backward pass writes.
    h = linear(x, layer.weight, layer.bias.detach())
    result: Tensor = _Activate.apply(h, layer.bias, activation.weight, dropout.p)
    return result


def add_and_norm(
    x: Tensor, h: Tensor, dropout: Dropout, norm: nn.LayerNorm, layer: Linear | None = None
) -> tuple[Tensor, Tensor]:
    """The sum of x (..., D) and dropout of h (..., D), or of a linear layer's output for h; and its layer norm."""
    if not _joins(h, dropout):
        total = x + dropout(h if layer is None else layer(h))
        return total, norm(total)
    bias = None
    if layer is not None:
        h, bias = linear(h, layer.weight, layer.bias.detach()), layer.bias
    result: tuple[Tensor, Tensor] = _AddAndNorm.apply(x, h, bias, norm.weight, norm.bias, norm.eps, dropout.p)
    return result
