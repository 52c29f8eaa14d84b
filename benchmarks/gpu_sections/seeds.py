"""Several seeds trained at once on one card: steps per second of all processes together."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_sections.crew import Crew, crew_of
from benchmarks.gpu_sections.recipes import data_of
from benchmarks.gpu_sections.record import Record
from benchmarks.gpu_sections.training import build_ours, step_job
from benchmarks.gpu_sections.turns import synchronise
from benchmarks.training import Recipe


def measure(record: Record) -> None:
    """Time the demo's and QVHighlights' steps with 1, 2, 4 and 8 processes, in turns."""
    most, turns, seconds = (2, 1, 0.2) if record.dry else (8, 2, 2.0)
    numbers = [n for n in (1, 2, 4, 8) if n <= most]
    with crew_of(most) as crew:
        for name in ("demo", "QVHighlights"):
            recipe, _, stores = data_of(name, record)
            order = [(name, recipe, stores, record.device, seed) for seed in range(most)]
            if record.attempt(f"{name}.start_s", lambda order=order: max(crew.do(start, order))) is None:
                continue
            rates: dict[int, list[float]] = {number: [] for number in numbers}
            for _ in range(turns):
                for number in numbers:
                    key = f"{name}.steps_per_s.{number}"
                    needs = 0.0 if record.dry else 2 * seconds
                    record.attempt(key, lambda n=number, r=rates, name=name: _rate(crew, name, n, seconds, r[n]), needs)


def _rate(crew: Crew, name: str, number: int, seconds: float, rates: list[float]) -> dict[str, float]:
    """Steps per second of all processes together, over the turns so far."""
    rates.append(sum(crew.do(run, [(name, seconds)] * number)))
    return {
        "median": round(statistics.median(rates), 2),
        "low": round(min(rates), 2),
        "high": round(max(rates), 2),
    }


def start(state: dict[str, Any], name: str, recipe: Recipe, stores: list[Path], device: str, seed: int) -> float:
    """Build a training and do some steps; returns the seconds that this takes."""
    began = time.perf_counter()
    torch.set_num_threads(1)
    ours = build_ours(recipe, stores, "float32", device, seed)
    job = step_job(ours, "float32")
    for _ in range(3):
        job()
    synchronise()
    state[name] = job
    return round(time.perf_counter() - began, 2)


def run(state: dict[str, Any], name: str, seconds: float) -> float:
    """Do steps for some seconds; returns the number per second."""
    began = time.perf_counter()
    steps = 0
    while time.perf_counter() - began < seconds:
        state[name]()
        steps += 1
    synchronise()
    return steps / (time.perf_counter() - began)
