"""The machine: card, driver, libraries; rates of matrix products and of copies."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from typing import Any

import torch

from benchmarks.gpu_sections.record import Record
from benchmarks.gpu_sections.turns import PRECISIONS, allow_tf32, spread, take_turns


def measure(record: Record) -> None:
    """Describe the machine and measure its rates."""
    record.add("python", platform.python_version())
    record.add("torch", torch.__version__)
    record.add("cores", len(os.sched_getaffinity(0)))
    if record.device == "cuda":
        record.add("card", torch.cuda.get_device_name())
        record.add("memory_gb", round(torch.cuda.get_device_properties(0).total_memory / 2**30, 1))
        record.add("cuda", torch.version.cuda)
        record.attempt("driver", _driver)
    size = 128 if record.dry else 8192
    record.attempt("products_tflops", lambda: _products(record.device, size))
    shape = (24, 64, 64) if record.dry else (2400, 256, 1024)
    # The shape of a QVHighlights step's feed-forward layer: 32 videos of 75 clips, 256 to 1024 channels.
    record.attempt("small_products_tflops", lambda: _products(record.device, *shape))
    record.attempt("copies_gb_per_s", lambda: _copies(record.device, 2**12 if record.dry else 2**28))


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version,clocks.max.sm", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def peak_tflops(device: str, size: int) -> float:
    """TFLOP/s of the product of two large square bfloat16 matrices."""
    return _products(device, size)["bfloat16"]


def _products(device: str, rows: int, inner: int = 0, columns: int = 0) -> dict[str, float]:
    """TFLOP/s of a product by precision, on random data."""
    inner, columns = inner or rows, columns or rows
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(*shape, generator=generator).to(device) for shape in ((rows, inner), (inner, columns)))
    short = x.bfloat16(), y.bfloat16()

    def multiply(precision: str) -> None:
        allow_tf32(precision == "tf32")
        if precision == "bfloat16":
            torch.mm(*short)
        else:
            torch.mm(x, y)

    jobs = {name: lambda name=name: multiply(name) for name in PRECISIONS}
    times = take_turns(jobs, turns=5, calls=10 if rows * inner * columns > 2**36 else 50)
    allow_tf32(False)
    work = 2e-12 * rows * inner * columns
    return {name: float(f"{work / statistics.median(values):.4g}") for name, values in times.items()}


def _copies(device: str, count: int) -> dict[str, Any]:
    """GB/s of copies: on the card (bytes read and written), and to the card from pageable and from pinned memory."""
    there = torch.ones(count, device=device)
    target = torch.empty_like(there)
    here = torch.ones(count // 8)
    jobs = {
        "on_card": lambda: target.copy_(there),
        "from_pageable": lambda: target[: len(here)].copy_(here),
    }
    if device == "cuda":
        pinned = here.pin_memory()
        jobs["from_pinned"] = lambda: target[: len(here)].copy_(pinned, non_blocking=True)
    times = take_turns(jobs, turns=5, calls=5)
    sizes = {"on_card": 8e-9 * count}
    return {
        name: float(f"{sizes.get(name, 4e-9 * len(here)) / spread(values, 1)['median']:.4g}")
        for name, values in times.items()
    }
