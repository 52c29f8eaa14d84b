"""Several processes per batch, started by `torchrun`: sums over all processes, and values from the first one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Processes:
    """This process among all processes. A single process does not communicate."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes, validates and logs."""
        return self.rank == 0

    def sum(self, values: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one exchange."""
        if self.count == 1:
            return
        parts = list(values)
        joined = torch.cat([part.flatten() for part in parts])
        distributed.all_reduce(joined)
        for part, total in zip(parts, joined.split([part.numel() for part in parts]), strict=True):
            part.copy_(total.view_as(part))

    def share_weights(self, network: nn.Module) -> None:
        """Give every process the first one's weights."""
        if self.count > 1:
            for tensor in network.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def share_number(self, value: float, device: str) -> float:
        """The first process's number, on every process."""
        if self.count == 1:
            return value
        number = torch.tensor(value, dtype=torch.float64, device=device)
        distributed.broadcast(number, src=0)
        return float(number)


def local_rank() -> int:
    """This process's number on its machine, which is also the index of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def join_processes(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun started (nccl on GPUs, gloo on CPUs), or run as a single process."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Processes(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()
