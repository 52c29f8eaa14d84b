"""The arguments --device and --threads: where a network runs. This is a run-time choice, not a setting.

This package does not import torch: callers pass in what is needed from it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from cli.command import whole_number
from cli.errors import UserError


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
