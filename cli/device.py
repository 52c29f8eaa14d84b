"""The arguments --device and --threads: where a network runs. This is a run-time choice, not a setting.

This package does not import torch: callers pass in what is needed from it.
"""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Callable
from typing import Any

from cli.command import whole_number
from cli.errors import UserError

_log = logging.getLogger(__name__)


def add_device(parser: argparse.ArgumentParser, threads: int | None = 1) -> None:
    """Add --threads and --device to a verb that runs a network. Without a default number, the verb uses all cores."""
    text = f"CPU threads for the network (default {'all cores' if threads is None else threads})"
    parser.add_argument("--threads", type=whole_number(1), default=threads, help=text)
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:N or auto (default auto: a GPU if available)")


def choose_device(name: str, gpu: str | None, allocate: Callable[[str], object]) -> str:
    """The device that --device names.

    Args:
        name: auto, cpu, cuda or cuda:N.
        gpu: the device that `auto` picks; None without a GPU, and `auto` then picks the CPU.
        allocate: puts a tensor on a device, to check that the device exists.

    Raises:
        UserError: another name (others are untested, and torch's `meta` computes nothing), or no such device.
    """
    if name == "auto":
        return gpu or "cpu"
    if not re.fullmatch(r"(cpu|cuda)(:\d+)?", name):
        raise UserError(f"--device {name}: must be auto, cpu, cuda or cuda:N")
    try:
        allocate(name)
    except (RuntimeError, AssertionError, ValueError) as problem:
        raise UserError(f"--device {name}: {str(problem).splitlines()[0]}") from None
    return name


def computes_fast(precision: str, onednn: Any) -> bool:
    """Whether oneDNN has kernels for a precision on this processor; without, it takes many times as long as float32.

    On x86-64, kernels for bfloat16 need AVX-512; how fast they are is up to the processor.

    Args:
        precision: float32, bfloat16 or float16.
        onednn: `torch.ops.mkldnn`, which knows the processor; where torch does not include oneDNN, nothing is known.
    """
    if precision == "float32":
        return True
    finds = getattr(onednn, f"_is_mkldnn_{'bf16' if precision == 'bfloat16' else 'fp16'}_supported", None)
    return finds is None or bool(finds())


def warn_if_slow(setting: str, precision: str, device: str, onednn: Any) -> None:
    """Log that the device is a CPU on which the precision that a setting asks for is slow."""
    if device.startswith("cpu") and not computes_fast(precision, onednn):
        _log.warning("%s: %s is many times slower than float32 on this processor", setting, precision)
