"""Choose the device on which the network trains and predicts."""

from __future__ import annotations

import torch

from cli.cards import take_card
from cli.device import choose_device
from cli.memory import keep_freed_memory
from model.training.distributed import local_rank


def use_device(name: str, threads: int) -> str:
    """Set up CPU threads and memory, and return the device for `auto`, `cpu`, `cuda` or `cuda:N`.

    With several processes on one machine (torchrun), `auto` gives each process its own GPU; in a workflow on one
    machine, each command.

    Raises:
        UserError: the device does not exist.
    """
    take_card(name)
    torch.set_num_threads(threads)
    gpu = f"cuda:{local_rank()}" if torch.cuda.is_available() else None
    device = choose_device(name, gpu, lambda place: torch.empty(0, device=place))
    if device == "cpu":
        keep_freed_memory()
    return device
