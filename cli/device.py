"""Where a network runs: the arguments --device and --threads, a run-time choice that is part of no setting.

torch is handed in, as this package does without it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from cli.command import whole_number
from cli.errors import UserError


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --threads and --device to a verb that runs a network."""
    parser.add_argument("--threads", type=whole_number(1), default=1, help="CPU threads of the network (default 1)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:N or auto (default: cuda if there is one)")


def choose_device(name: str, gpu: str | None, allocate: Callable[[str], object]) -> str:
    """The device that --device names.

    Args:
        name: auto, cpu, cuda or cuda:N.
        gpu: what `auto` takes; None where there is no GPU, and `auto` is the CPU.
        allocate: puts a tensor on a device, to see whether it is there.

    Raises:
        UserError: it is none of these (others were never tried, and torch's `meta` computes nothing), or not there.
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
