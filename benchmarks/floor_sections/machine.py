"""What the machine can do: rates of matrix products, bandwidth of memory, and whether other programs use it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.floor_sections.counting import Shape
from cli.device import computes_fast

LARGE: Shape = (1, 2400, 256, 1024, "nt")
"""About the largest product of a QVHighlights step that occurs often."""

BUSY = 0.1
"""Share of the cores that other programs may use before the machine counts as busy."""

MKLDNN = torch.backends.mkldnn.is_available()
BFLOAT16 = computes_fast("bfloat16", torch.ops.mkldnn)
"""Whether the processor has instructions for bfloat16; without, a step would take minutes."""


def product(shape: Shape, library: str) -> Callable[[], Tensor]:
    """A product of random matrices.

    Args:
        library: torch (float32, its default library), oneDNN (float32) or bfloat16.
    """
    matrices, rows, inner, columns, layout = shape
    generator = torch.Generator().manual_seed(0)

    def draw(first: int, second: int, transposed: bool) -> Tensor:
        sizes = (matrices, second, first) if transposed else (matrices, first, second)
        drawn = torch.randn(sizes, generator=generator)
        drawn = drawn.bfloat16() if library == "bfloat16" else drawn
        drawn = drawn.transpose(1, 2) if transposed else drawn
        return drawn if matrices > 1 else drawn[0]

    a, b = draw(rows, inner, layout[0] == "t"), draw(inner, columns, layout[1] == "t")
    if library == "oneDNN":
        return lambda: torch.ops.mkldnn._linear_pointwise(a, b.t(), None, "none", [], "")
    return lambda: a @ b


def libraries(shape: Shape) -> list[str]:
    """The libraries that can compute a product, and bfloat16 if it is fast."""
    return ["torch", *(["oneDNN"] if MKLDNN and shape[0] == 1 else []), *(["bfloat16"] if BFLOAT16 else [])]


def time_in_turns(jobs: dict[str, Callable[[], object]], turns: int, repeats: int = 1) -> dict[str, list[float]]:
    """CPU seconds of each job, run in turns after one warm-up, `repeats` times per turn."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(turns + 1):
        for name, job in jobs.items():
            start = time.process_time()
            for _ in range(repeats):
                job()
            if turn:
                times[name].append((time.process_time() - start) / repeats)
    return times


def rates(shape: Shape, turns: int = 7) -> dict[str, float]:
    """Operations per CPU second of a product in each library that can compute it: medians."""
    matrices, rows, inner, columns, _ = shape
    operations = 2.0 * matrices * rows * inner * columns
    repeats = max(1, int(3e8 / operations))
    jobs: dict[str, Callable[[], object]] = {library: product(shape, library) for library in libraries(shape)}
    with torch.no_grad():
        times = time_in_turns(jobs, turns, repeats)
    return {library: operations / statistics.median(values) for library, values in times.items()}


def bandwidths(numbers: int, turns: int = 7) -> dict[str, float]:
    """Bytes per CPU second of reading, copying and adding up (a = b + 2 c) `numbers` float32 numbers: medians."""
    a, b, c = (torch.ones(numbers) for _ in range(3))
    jobs: dict[str, Callable[[], object]] = {
        "read": lambda: b.sum(),
        "copy": lambda: a.copy_(b),
        "triad": lambda: torch.add(b, c, alpha=2.0, out=a),
    }
    times = time_in_turns(jobs, turns, max(1, int(3e7 / numbers)))
    moved = {"read": 4, "copy": 8, "triad": 12}
    return {name: moved[name] * numbers / statistics.median(values) for name, values in times.items()}


class Others:
    """How much of the machine other programs use, from /proc (Linux; elsewhere nothing is known)."""

    def __init__(self) -> None:
        self._start, self._busy = time.monotonic(), _busy_seconds()

    def share(self, own: float) -> float | None:
        """The share of all cores that others used since the start, when our processes used `own` CPU seconds."""
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        elapsed = (time.monotonic() - self._start) * (os.cpu_count() or 1)
        return max(0.0, (busy - self._busy - own) / elapsed)


def share_before(seconds: float = 2.0) -> float | None:
    """The share of all cores that others use now."""
    others, own = Others(), time.process_time()
    time.sleep(seconds)
    return others.share(time.process_time() - own)


def _busy_seconds() -> float | None:
    path = Path("/proc/stat")
    if not path.exists():
        return None
    # user nice system idle iowait irq softirq steal, in ticks; what a hypervisor takes away (steal) is not ours either.
    ticks = [int(field) for field in path.read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
