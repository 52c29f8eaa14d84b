"""A cluster's scheduler, as an event simulation: Snakemake submits and polls, Slurm queues and runs."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.scale_sections.rates import Work

# Snakemake's Slurm plugin, as seen with version 2.8.0: it asks for states 20 s after a submission, and then less and
# less often while nothing ends.
FIRST_POLL, POLL_MORE, LAST_POLL = 20.0, 10.0, 180.0
SUBMIT = 0.2  # s for one sbatch; assumed
STARTS = 2
"""Times that Snakemake starts, and plans, in each Slurm job: in the batch script and in the step."""


@dataclass(frozen=True)
class Cluster:
    """Free nodes, as one pool: with jobs of one CPU, fragments do not matter."""

    cpus: int
    gpus: int


@dataclass(frozen=True)
class SlurmJob:
    """One job of Snakemake, or a group of short ones."""

    seconds: float
    gpu: bool
    cpus: int
    needs: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """What a simulated run took, in seconds and hours."""

    seconds: float
    waited: float
    """Mean seconds in Slurm's queue."""
    unseen: float
    """Mean seconds between the end of a job and the poll that notices it."""
    gpu_hours: float
    """GPUs held, Snakemake's start included."""
    cpu_hours: float
    start_hours: float
    """CPU hours of Snakemake's starts in jobs, a part of `cpu_hours`."""
    jobs: int


def enlarge(jobs: Sequence[str], needs: Sequence[Sequence[int]], times: int) -> tuple[list[str], list[list[int]]]:
    """The DAG of a study with `times` as many shards: jobs of a shard are repeated, and those of all wait for all."""
    of_shard = [job.startswith(("manifest", "encode", "import_released")) for job in jobs]
    made: list[str] = []
    places: list[list[int]] = []
    for job, repeated in zip(jobs, of_shard, strict=True):
        count = times if repeated else 1
        places.append(list(range(len(made), len(made) + count)))
        made += [job] * count
    after: list[list[int]] = [[] for _ in made]
    for index, before in enumerate(needs):
        for copy, place in enumerate(places[index]):
            for need in before:
                if of_shard[index] and of_shard[need]:
                    after[place].append(places[need][copy])
                else:
                    after[place] += places[need]
    return made, after


def group(
    jobs: Sequence[str],
    needs: Sequence[Sequence[int]],
    works: Sequence[Work],
    groups: Mapping[str, str],
    components: Mapping[str, int],
) -> list[SlurmJob]:
    """Put jobs of one group that depend on each other into one Slurm job, and as many such sets as the profile says."""
    names = [groups.get(job.partition(" ")[0], "") for job in jobs]
    order = _in_order(needs)
    root = list(range(len(jobs)))

    def find(index: int) -> int:
        while root[index] != index:
            root[index] = root[root[index]]
            index = root[index]
        return index

    depth = [0] * len(jobs)
    for index in order:
        depth[index] = 1 + max((depth[need] for need in needs[index]), default=0)
        for need in needs[index]:
            if names[index] and names[need] == names[index]:
                root[find(index)] = find(need)
    sets: dict[int, list[int]] = {}
    for index in order:
        sets.setdefault(find(index), []).append(index)
    # Only sets of one depth go together, so that no group waits for itself.
    waiting: dict[tuple[str, int, int], list[list[int]]] = {}
    packed: list[list[int]] = []
    for members in sets.values():
        name = names[members[0]]
        together = waiting.setdefault((name, min(depth[i] for i in members), max(depth[i] for i in members)), [])
        together.append(members)
        if not name or len(together) == components.get(name, 1):
            packed.append([index for part in together for index in part])
            together.clear()
    packed += [[index for part in together for index in part] for together in waiting.values() if together]
    place = {index: number for number, members in enumerate(packed) for index in members}
    made = []
    for number, members in enumerate(packed):
        before = {place[need] for index in members for need in needs[index]} - {number}
        cpus = min(2, len(members))
        made.append(
            SlurmJob(
                seconds=max(sum(works[i].seconds for i in members) / cpus, max(works[i].seconds for i in members)),
                gpu=any(works[i].gpu for i in members),
                cpus=cpus,
                needs=tuple(before),
            )
        )
    return made


def _in_order(needs: Sequence[Sequence[int]]) -> list[int]:
    """Indices such that each comes after those that it needs."""
    left = [len(set(before)) for before in needs]
    after: list[list[int]] = [[] for _ in needs]
    for index, before in enumerate(needs):
        for need in set(before):
            after[need].append(index)
    ready = deque(index for index, count in enumerate(left) if not count)
    order = []
    while ready:
        order.append(index := ready.popleft())
        for later in after[index]:
            left[later] -= 1
            if not left[later]:
                ready.append(later)
    return order


def simulate(jobs: Sequence[SlurmJob], cluster: Cluster, at_once: int, planning: float, start: float) -> Run:
    """Run jobs as Snakemake and Slurm do: first come, first served, with smaller jobs let past those that do not fit.

    Args:
        at_once: jobs that Snakemake has submitted and not seen end (`jobs` of the profile).
        planning: seconds until the first submission.
        start: seconds that Snakemake plans in a job before it works, each time that it starts there.
    """
    left = [len(job.needs) for job in jobs]
    after: list[list[int]] = [[] for _ in jobs]
    for index, job in enumerate(jobs):
        for need in job.needs:
            after[need].append(index)
    ready = deque(index for index, count in enumerate(left) if not count)
    queue: deque[int] = deque()
    free, gpus = cluster.cpus, cluster.gpus
    running: list[tuple[float, int]] = []
    ended: list[tuple[float, int]] = []
    submitted: dict[int, float] = {}
    waits = unseen = gpu_seconds = cpu_seconds = 0.0
    done, seen_running, now, interval = 0, 0, planning, FIRST_POLL
    next_poll = now + interval
    while done < len(jobs):
        while ready and seen_running < at_once:
            index = ready.popleft()
            now += SUBMIT
            submitted[index] = now
            queue.append(index)
            seen_running += 1
        # Slurm: until the next poll, jobs end and others take their place.
        freed = 0.0
        while True:
            for index in list(queue):
                job = jobs[index]
                if not free:
                    break
                if job.cpus <= free and job.gpu <= gpus:
                    queue.remove(index)
                    begun = max(freed, submitted[index])
                    waits += begun - submitted[index]
                    lasts = STARTS * start + job.seconds
                    free, gpus = free - job.cpus, gpus - job.gpu
                    cpu_seconds += job.cpus * lasts
                    gpu_seconds += job.gpu * lasts
                    heapq.heappush(running, (begun + lasts, index))
            if not running or running[0][0] > next_poll:
                break
            freed, index = heapq.heappop(running)
            free, gpus = free + jobs[index].cpus, gpus + jobs[index].gpu
            ended.append((freed, index))
        now = max(now, next_poll)
        for at, index in ended:
            unseen += now - at
            done += 1
            seen_running -= 1
            for later in after[index]:
                left[later] -= 1
                if not left[later]:
                    ready.append(later)
        interval = FIRST_POLL if ended else min(LAST_POLL, interval + POLL_MORE)
        ended.clear()
        next_poll = now + interval
        if not running and not queue and not ready and done < len(jobs):
            raise ValueError("jobs wait for each other")
    starts = STARTS * start * len(jobs)
    return Run(
        seconds=now,
        waited=waits / len(jobs),
        unseen=unseen / len(jobs),
        gpu_hours=gpu_seconds / 3600,
        cpu_hours=cpu_seconds / 3600,
        start_hours=starts / 3600,
        jobs=len(jobs),
    )
