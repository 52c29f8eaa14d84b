"""What jobs ask a scheduler for: memory and time, by rule, from the size of their inputs and the number of the attempt.

On one machine, Snakemake heeds memory only if a limit is given (`--resources mem_mb=16000`); a cluster kills jobs that
take more. These are no params: changing them runs no job again. `benchmarks/job_needs.py` measures what jobs take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class RateLimiter(Protocol):
    """`max_jobs` started per `timespan`, in seconds."""

    max_jobs: int
    timespan: float


class JobScheduler(Protocol):
    """The part of Snakemake's scheduler that is changed here."""

    job_rate_limiter: RateLimiter | None


class JobInput(Protocol):
    """The files of a job's input: all of them, and those of one name."""

    def __iter__(self) -> Iterator[str]: ...
    def get(self, key: str, default_value: list[str]) -> Iterable[str]: ...


@dataclass(frozen=True)
class Need:
    """What a job of a rule asks for in its first attempt; the second asks for twice as much, the third for three times.

    A job that ran out of memory or time is tried again as often as `--retries` says. Encoders and training go on where
    they were stopped.
    """

    memory_mb: int
    """MB for an input of no size. Of these, 270 are for the two Snakemake processes that a cluster's job has."""
    minutes: int
    """Minutes for an input of no size."""
    memory_per_mb: float = 0
    """MB more per MB of input."""
    minutes_per_gb: float = 0
    """Minutes more per GB of input."""
    memory_of: str = ""
    """Name of the input that `memory_per_mb` counts; empty = all files."""


# Fixed needs, at least one and a half times what the demo takes.
_LIGHT = Need(1000, 3, memory_per_mb=10)
"""Scores, tables and figures: seconds. JSON takes about ten times its size as Python objects."""
_DRAWN_WEIGHTS = Need(2500, 10)
# Libraries take 0.7 to 1.2 GB, with CUDA some 3 GB; features 1.02 times their stores, as they keep the stores' type.
_PREDICTING = Need(4000, 10, memory_per_mb=1.3, minutes_per_gb=10)

NEEDS: Mapping[str, Need] = {
    "media": Need(1500, 30),
    "weights_clip": _DRAWN_WEIGHTS,
    "weights_pann": _DRAWN_WEIGHTS,
    "weights_clap": _DRAWN_WEIGHTS,
    "fetch_weights": Need(1000, 60),
    "manifest": Need(1000, 10, minutes_per_gb=0.5),
    # CLAP in one thread takes 8 s for 80 s of sound, so some 20 minutes for a GB of QVHighlights' videos. While weights
    # are loaded, they are in memory twice.
    "encode": Need(4000, 20, memory_per_mb=2.5, memory_of="weights", minutes_per_gb=30),
    "import_released": Need(2000, 10, minutes_per_gb=5),
    "problems": Need(1000, 5, minutes_per_gb=1),
    "train": Need(4000, 30, memory_per_mb=1.3, minutes_per_gb=60),
    "infer": _PREDICTING,
    "predict": _PREDICTING,
    "import_checkpoint": Need(4000, 10, memory_per_mb=3),
    "previews": Need(1000, 10, minutes_per_gb=10),
    "strip": Need(1500, 5),
    "explore": Need(1500, 10, memory_per_mb=10, memory_of="files"),
    "baseline": _LIGHT,
    "score": _LIGHT,
    "tvsum": _LIGHT,
    "tvsum_given": _LIGHT,
    "tvsum_table": _LIGHT,
    "summarise": _LIGHT,
    "gates": _LIGHT,
    "calibrate": _LIGHT,
    "tabulate_conditions": _LIGHT,
    "plot_conditions": _LIGHT,
    "plot_gates": _LIGHT,
    "plot_gate_figures": _LIGHT,
    "plot_training": _LIGHT,
    "plot_summary": _LIGHT,
    "plot_differences": _LIGHT,
    "plot_domains": _LIGHT,
    "plot_retrieval_figures": _LIGHT,
    "overview": _LIGHT,
    "plot_example": _LIGHT,
    "report_pages": Need(1000, 3, memory_per_mb=10, memory_of="tables"),
    "rank": _LIGHT,
    "plot_moments": _LIGHT,
}
"""By rule; a rule made from another (`use rule score as score_other`) asks for what that one does."""

Asked = Callable[..., int]


def lift_default_rate(scheduler: JobScheduler) -> None:
    """Take Snakemake's default limit of 100 jobs started per second off its scheduler; another limit stays.

    With any limit, Snakemake 9.27.1 adds a timer for each job that has ended, which looks at all waiting jobs again
    whenever its time is over, until the run ends. After 200 jobs, that took 40 % of a core from the jobs of a study.

    Source: `findings/scheduler-timers.sh`.
    """
    limiter = scheduler.job_rate_limiter
    if limiter and (limiter.max_jobs, limiter.timespan) == (100, 1):
        scheduler.job_rate_limiter = None


def ask_for(rule: str) -> dict[str, Asked]:
    """The resources `mem_mb` and `runtime` (minutes) of a rule, as functions that Snakemake calls for each job."""
    need = NEEDS[rule]

    # Snakemake passes all three by these names.
    def mem_mb(wildcards: object, input: JobInput, attempt: int) -> int:  # noqa: A002
        files = input.get(need.memory_of, []) if need.memory_of else input
        return attempt * round(need.memory_mb + need.memory_per_mb * _size_mb(files))

    def runtime(wildcards: object, input: JobInput, attempt: int) -> int:  # noqa: A002
        size_gb = _size_mb(input) / 1000 if need.minutes_per_gb else 0
        return attempt * round(need.minutes + need.minutes_per_gb * size_gb)

    return {"mem_mb": mem_mb, "runtime": runtime}


_sizes: dict[str, int] = {}


def _size_mb(files: Iterable[str]) -> float:
    """Size of the files that exist, in MB: inputs that other jobs of the same group make do not exist yet."""
    # A named input of one file is that file.
    names = [files] if isinstance(files, str) else [str(file) for file in files]
    for name in names:
        if name not in _sizes and Path(name).is_file():
            _sizes[name] = Path(name).stat().st_size
    return sum(_sizes.get(name, 0) for name in names) / 1e6
