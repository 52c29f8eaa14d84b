"""Where networks run: a run-time choice, not a setting."""

from __future__ import annotations

import os

import torch

from cli.cards import take_card
from cli.device import choose_device
from cli.memory import keep_freed_memory


def use_device(name: str, threads: int) -> torch.device:
    """Set up the device `auto` (a GPU if available), `cpu`, `cuda` or `cuda:N` for reproducible numbers.

    In a workflow on one machine, each command has a GPU of its own. On a CPU the process keeps the memory that it
    frees.

    Raises:
        UserError: the device does not exist.
    """
    take_card(name)
    torch.set_num_threads(threads)
    # cuBLAS is deterministic only with a fixed workspace, set before it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # The same as `use_deterministic_algorithms`, which would also load torch's compiler (1 s).
    torch.set_deterministic_debug_mode("error")
    # Otherwise deterministic mode fills every new tensor with NaN, to expose reads of uninitialised memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # float32 must mean float32: bfloat16 and float16 are set by `encoding.precision`.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    gpu = "cuda" if torch.cuda.is_available() else None
    device = choose_device(name, gpu, lambda place: torch.empty(0, device=place))
    if device == "cpu":
        keep_freed_memory()
    return torch.device(device)


def describe_device(device: torch.device) -> str:
    """Name the device: `cpu`, or the GPU's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
