"""The training step and inference, in each precision, beside the reference in turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_sections.recipes import data_of
from benchmarks.gpu_sections.record import Record
from benchmarks.gpu_sections.turns import (
    PRECISIONS,
    Jobs,
    allow_tf32,
    computing_in,
    megabytes,
    reset_peak,
    spread,
    synchronise,
    take_turns,
)
from benchmarks.recipes import Recipe
from benchmarks.reference import Reference
from benchmarks.training import Ours


def measure(record: Record) -> None:
    """Time the steps of both recipes, and inference of QVHighlights."""
    for name in ("QVHighlights", "TVSum"):
        _measure_recipe(record, name)
        if record.device == "cuda":
            torch.cuda.empty_cache()


def _measure_recipe(record: Record, name: str) -> None:
    recipe, folder, stores = data_of(name, record)
    made: dict[str, Ours] = {}
    for precision in PRECISIONS:
        record.attempt(f"{name}.memory_mb.{precision}", lambda p=precision: _build(made, recipe, stores, p, record))
    if not made:
        return
    reference = _reference(record, name, recipe, folder)
    record.attempt(f"{name}.step_ms", lambda: _steps(record, made, reference))
    if "float32" in made:
        record.attempt(f"{name}.profile", lambda: _profile(step_job(made["float32"], "float32"), record))
        if name == "QVHighlights":
            record.attempt("inference_ms_per_query", lambda: _infer(record, made["float32"], reference))


def build_ours(recipe: Recipe, stores: list[Path], precision: str, device: str, seed: int = 0) -> Ours:
    """A training of ours in a precision; tf32 is a setting of the process, made by `step_job`."""
    kept = "bfloat16" if precision == "bfloat16" else "float32"
    return Ours(recipe, stores[0].parent, stores, kept, device, seed)


def step_job(ours: Ours, precision: str) -> Callable[[], None]:
    """One training step, with targets and batch."""

    def step() -> None:
        allow_tf32(precision == "tf32")
        ours.step()

    return step


def _build(made: dict[str, Ours], recipe: Recipe, stores: list[Path], precision: str, record: Record) -> dict[str, Any]:
    """Build and do a first step. Returns the megabytes held after it (weights, optimiser) and its peak above them."""
    before = megabytes("memory_allocated")
    ours = build_ours(recipe, stores, precision, record.device)
    job = step_job(ours, precision)
    job()
    ours.engine.optimizer.zero_grad()
    synchronise()
    held = megabytes("memory_allocated")
    reset_peak()
    job()
    synchronise()
    made[precision] = ours
    return {"held": round(held - before, 1), "step": round(megabytes("max_memory_allocated") - held, 1)}


def _reference(record: Record, name: str, recipe: Recipe, folder: Path) -> Reference | None:
    if record.reference is None:
        record.add(f"{name}.reference", {"skipped": "no checkout was given"})
        return None
    found: list[Reference] = []

    def build() -> None:
        width = sum(recipe.streams.values())
        found.append(Reference(record.reference, recipe.name, folder, width, record.device))

    record.attempt(f"{name}.reference", build, needs=10 if not record.dry else 0)
    return found[0] if found else None


def _steps(record: Record, made: dict[str, Ours], reference: Reference | None) -> dict[str, Any]:
    """Milliseconds per step of each precision, and of the reference in float32 and tf32."""
    jobs: Jobs = {precision: step_job(ours, precision) for precision, ours in made.items()}
    if reference is not None:
        batch = next(reference.batches(next(iter(made.values())).recipe.train.batch_size))

        def step(tf32: bool) -> None:
            allow_tf32(tf32)
            reference.step(*batch)

        jobs |= {"reference": lambda: step(False), "reference tf32": lambda: step(True)}
    turns, calls = (2, 1) if record.dry else (7, 10)
    times = take_turns(jobs, turns, calls)
    allow_tf32(False)
    return {name: spread(values) for name, values in times.items()}


def _profile(job: Callable[[], None], record: Record) -> dict[str, Any]:
    """Per step: kernels, milliseconds in which the GPU computes, and calls that wait for it."""
    steps = 2 if record.dry else 5
    activities = [torch.profiler.ProfilerActivity.CPU]
    if record.device == "cuda":
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    job()
    with torch.profiler.profile(activities=activities) as profiler:
        for _ in range(steps):
            job()
        synchronise()
    events = profiler.events()
    kernels = [event for event in events if str(event.device_type).endswith("CUDA") and "Memcpy" not in event.name]
    names = [event.name for event in events]
    return {
        "kernels": len(kernels) // steps,
        "gpu_ms": round(sum(event.time_range.elapsed_us() for event in kernels) / 1e3 / steps, 3),
        "operators": sum(name.startswith("aten::") for name in names) // steps,
        "waits": sum(name in ("cudaStreamSynchronize", "cudaDeviceSynchronize") for name in names) / steps,
        "copies": sum("cudaMemcpyAsync" in name for name in names) / steps,
    }


def _infer(record: Record, ours: Ours, reference: Reference | None) -> dict[str, Any]:
    """Milliseconds per query, in batches of 100.

    `all`: with the batch, copies and rows of the prediction file; `network`: its forward pass alone, on the device.
    """
    queries = min(100, len(ours.features))
    inputs = ours.features.batch(range(queries)).to(record.device)

    def everything(precision: str) -> None:
        with computing_in(precision, record.device):
            ours.infer()

    @torch.inference_mode()
    def forward(precision: str) -> None:
        ours.engine.network.eval()
        with computing_in(precision, record.device):
            ours.engine.network(inputs)

    jobs: Jobs = {f"all {p}": lambda p=p: everything(p) for p in PRECISIONS}
    jobs |= {f"network {p}": lambda p=p: forward(p) for p in PRECISIONS}
    if reference is not None:
        theirs, _ = next(reference.batches(queries))

        def predict() -> None:
            allow_tf32(False)
            reference.predict(theirs)

        jobs["network reference"] = predict
    times = take_turns(jobs, *((2, 1) if record.dry else (5, 3)))
    allow_tf32(False)
    per = {name: len(ours.features) if name.startswith("all") else queries for name in jobs}
    return {name: spread(values, 1e3 / per[name]) for name, values in times.items()}
