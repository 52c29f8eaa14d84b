"""Timing on a GPU: jobs that take turns, wall clock around synchronised calls, medians with their spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Jobs = dict[str, Callable[[], object]]


def synchronise() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def take_turns(jobs: Jobs, turns: int, calls: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Seconds per call of each job by turn; in a turn, each job is called `calls` times in a row."""
    for job in jobs.values():
        for _ in range(warm_up):
            job()
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(turns):
        for name, job in jobs.items():
            job()  # so that no job is timed with another one's caches
            synchronise()
            start = time.perf_counter()
            for _ in range(calls):
                job()
            synchronise()
            times[name].append((time.perf_counter() - start) / calls)
    return times


def spread(times: list[float], scale: float = 1e3) -> dict[str, float]:
    """Median, lowest and highest of seconds, in milliseconds by default."""
    shown = {"median": statistics.median(times), "low": min(times), "high": max(times)}
    return {name: float(f"{scale * value:.4g}") for name, value in shown.items()}


def allow_tf32(allowed: bool) -> None:
    """Let float32 products and convolutions run in TF32, or not."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


@contextmanager
def computing_in(precision: str, device: str) -> Iterator[None]:
    """Compute in float32, tf32 or bfloat16 (by autocast)."""
    allow_tf32(precision == "tf32")
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
        yield


PRECISIONS = ("float32", "tf32", "bfloat16")


def megabytes(of: str) -> float:
    """Megabytes of GPU memory: `memory_allocated` or `max_memory_allocated`; 0 without a GPU."""
    value: Any = getattr(torch.cuda, of)() if torch.cuda.is_available() else 0
    return round(value / 2**20, 1)


def reset_peak() -> None:
    """Count the peak of memory from now on."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
