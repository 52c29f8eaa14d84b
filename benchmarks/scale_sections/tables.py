"""The tables of docs/guide/scale.md: plans, work, and simulated runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.scale_sections.cluster import Cluster, Run, enlarge, group, simulate
from benchmarks.scale_sections.paper import STUDIES, Measured
from benchmarks.scale_sections.rates import NETWORKS, work_of

PROFILE = Path(__file__).parents[2] / "profiles/slurm/profile.yaml"
CLUSTERS = {
    "16 CPUs, 1 GPU": Cluster(16, 1),
    "64 CPUs, 4 GPUs": Cluster(64, 4),
    "256 CPUs, 16 GPUs": Cluster(256, 16),
    "64 CPUs, no GPU": Cluster(64, 0),
}
TIMES = (1, 10, 100)
DEVICES = {"GPU hours": True, "CPU hours beside them": True, "CPU hours without a GPU": False}
STUDY_SHARDS = 80
"""Of QVHighlights, whose sizes are planned."""


def exponent(first: Measured, second: Measured, key: str) -> float:
    """How a measure grows with the number of videos: by its power, between two sizes."""
    ratio: float = getattr(second, key) / getattr(first, key)
    return math.log(ratio) / math.log(second.videos / first.videos)


def extrapolate(plans: Sequence[Measured], times: float) -> Measured:
    """The plan of `times` as many videos as the plan of the study's own size.

    Jobs are exact, because each further shard adds the same ones. Time and memory grow on as between the two largest
    plans: along a line or, if they grow faster than the number of videos, by a power of it.

    Args:
        plans: by size; the one of the study's own size is that with `times` 1.
    """
    own = next(plan for plan in plans if plan.shards == STUDY_SHARDS)
    found = next((plan for plan in plans if plan.shards == round(STUDY_SHARDS * times)), None)
    if found is not None:
        return found
    before, last = sorted(plans, key=lambda plan: plan.videos)[-2:]
    jobs, needs = enlarge(own.jobs, own.needs, round(times))
    videos = round(own.videos * times)
    grown: dict[str, Any] = {}
    for key in ("cpu", "peak", "start_cpu"):
        value = getattr(last, key)
        power = exponent(before, last, key)
        slope = (value - getattr(before, key)) / (last.videos - before.videos)
        line = value + max(0.0, slope) * (videos - last.videos)
        grown[key] = type(value)(value * (videos / last.videos) ** power if power > 1 else line)
    queries, shards = round(own.queries * times), round(own.shards * times)
    return replace(own, jobs=jobs, needs=needs, videos=videos, queries=queries, shards=shards, **grown)


def hours(seconds: float) -> str:
    """A duration: minutes below two hours, hours up to four days, days above."""
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 4 * 86400 else f"{seconds / 86400:.1f} days"


def number(value: float) -> str:
    """A number with three figures at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def work_by_kind(name: str, plan: Measured, on_gpu: bool) -> dict[str, tuple[float, float]]:
    """Hours of a study by kind of job: CPU hours, GPU hours."""
    found = dict.fromkeys(("features", "training", "prediction", "the rest"), (0.0, 0.0))
    for job in plan.jobs:
        rule = job.partition(" ")[0]
        if rule in ("encode", "manifest"):
            kind = "features"
        elif rule == "train":
            kind = "training"
        else:
            kind = "prediction" if rule in NETWORKS else "the rest"
        work = work_of(job, name, STUDIES[name], plan, on_gpu)
        cpu, gpu = found[kind]
        found[kind] = (cpu + work.seconds / 3600, gpu + work.gpu * work.seconds / 3600)
    return found


def run_on(name: str, plan: Measured, cluster: Cluster, at_once: int | None = None) -> Run:
    """Simulate a study on a cluster through the Slurm profile."""
    profile = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    works = [work_of(job, name, STUDIES[name], plan, bool(cluster.gpus)) for job in plan.jobs]
    jobs = group(plan.jobs, plan.needs, works, profile["groups"], profile["group-components"])
    return simulate(jobs, cluster, at_once or profile["jobs"], plan.cpu, plan.start_cpu)


def render(found: Mapping[str, Measured]) -> str:
    """All tables."""
    by_name = {name: [plan for key, plan in found.items() if key.startswith(f"{name} ")] for name in STUDIES}
    sizes = {times: extrapolate(by_name["qvhighlights"], times) for times in TIMES}
    plans = {"QVHighlights": ("qvhighlights", sizes[1]), "TVSum": ("tvsum", by_name["tvsum"][0])}
    plans["a folder of 10,000 videos"] = ("folder", by_name["folder"][0])
    largest = max(plan.videos for plan in by_name["qvhighlights"])
    lines = [
        "| study | videos | shards | jobs | Slurm jobs | planning, CPU s | memory, MiB | start of a job, CPU s |",
        "| :-- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    shown = [(label, name, plan) for label, (name, plan) in plans.items()]
    smaller = [plan for plan in by_name["qvhighlights"] if plan.shards not in {p.shards for p in sizes.values()}]
    shown += [(f"QVHighlights, {plan.shards / STUDY_SHARDS:g} times", "qvhighlights", plan) for plan in smaller]
    shown += [(f"QVHighlights, {times} times", "qvhighlights", sizes[times]) for times in TIMES[1:]]
    for label, name, plan in sorted(shown, key=lambda row: (row[1] != "qvhighlights", row[1], row[2].videos)):
        grouped = run_on(name, plan, CLUSTERS["64 CPUs, 4 GPUs"]).jobs
        mark = "" if plan.videos <= largest else " (extrapolated)"
        lines.append(
            f"| {label}{mark} | {plan.videos:,} | {plan.shards:,} | {len(plan.jobs):,} | {grouped:,} | {plan.cpu:,.1f}"
            f" | {plan.peak / 2**20:,.0f} | {plan.start_cpu:,.1f} |"
        )
    before, last = sorted(by_name["qvhighlights"], key=lambda plan: plan.videos)[-2:]
    laws = ", ".join(
        f"{what} by the power {exponent(before, last, key):.2f}"
        for key, what in (("cpu", "planning time"), ("peak", "memory"), ("start_cpu", "a job's start"))
    )
    lines += ["", f"Between {before.videos:,} and {last.videos:,} videos, {laws} of the number of videos.", ""]
    lines += [
        "| hours of work | features | training | prediction | the rest | all |",
        "| :-- | --: | --: | --: | --: | --: |",
    ]
    for label, (name, plan) in plans.items():
        for device, on_gpu in (
            ("GPU hours", True),
            ("CPU hours beside them", True),
            ("CPU hours without a GPU", False),
        ):
            kinds = work_by_kind(name, plan, on_gpu)
            cells = [gpu if device == "GPU hours" else cpu for cpu, gpu in kinds.values()]
            text = " | ".join(map(number, [*cells, sum(cells)]))
            lines.append(f"| {label}, {device} | {text} |")
    lines += [
        "",
        "| study | cluster | time | mean wait in the queue | mean time unseen | GPU hours held | CPU hours held"
        " | of these, Snakemake's starts |",
        "| :-- | :-- | --: | --: | --: | --: | --: | --: |",
    ]
    cases = [(label, name, plan, cluster) for label, (name, plan) in plans.items() for cluster in CLUSTERS]
    cases += [
        (f"QVHighlights, {times} times", "qvhighlights", sizes[times], "256 CPUs, 16 GPUs") for times in TIMES[1:]
    ]
    few = replace(sizes[100], jobs=sizes[10].jobs, needs=sizes[10].needs, shards=sizes[10].shards)
    cases.append((f"the same in {few.shards} shards", "qvhighlights", few, "256 CPUs, 16 GPUs"))
    for label, name, plan, cluster in cases:
        run = run_on(name, plan, CLUSTERS[cluster])
        lines.append(
            f"| {label} | {cluster} | {hours(run.seconds)} | {hours(run.waited)} | {run.unseen:.0f} s"
            f" | {number(run.gpu_hours)} | {number(run.cpu_hours)} | {number(run.start_hours)} |"
        )
    return "\n".join(lines)
