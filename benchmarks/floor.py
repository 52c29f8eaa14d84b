"""Time steps and inference beside the floor of this machine: `python benchmarks/floor.py [--before CHECKOUT]`.

The floor of a job is the time of its matrix products alone, at the best rate that a library of torch reaches on this
machine in the same run: of one large product (`floor`), and of each of the job's own shapes (`floor, own shapes`).
`floor, with memory` adds what the other operators read and write, at the best bandwidth that the same run measures for
a tensor of 10 MB: no step that computes its operators one by one can be faster.
Figures relative to another program depend on the processor; how far a job is above its floor says what is left to gain.

Every job is one step (data, targets, network, losses, update) or the inference of 128 queries with random features of
the recipe's size, as in `benchmarks/training.py`. `joined` is a step with `train.joined_operators`, which joins
operators and can be faster than that floor. With --before, a checkout of an earlier version (its .venv is used if
it has one), and --reference, a checkout of wjun0830/QD-DETR, the same jobs of those take turns with ours, each program
in a process of its own. The rates are measured in the same turns. All times are CPU time of one thread.

Where a step's time goes: `products` is the time of its products alone, each shape in its best library; `calls` the time
of the same step with every size cut to almost nothing, so what it costs to call its operators (Python, autograd,
torch's dispatcher) and to assign moments; `memory` is the rest: reading and writing tensors element by element, for
which `memory floor` is the time at that bandwidth. The machine should be idle: what others used of it is printed.
On a processor without instructions for bfloat16, that precision is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.floor_sections.counting import Shape  # noqa: E402
from benchmarks.floor_sections.machine import BFLOAT16, BUSY, LARGE, Others, bandwidths, rates, share_before  # noqa: E402
from benchmarks.floor_sections.processes import Process  # noqa: E402
from benchmarks.floor_sections.worker import CUT  # noqa: E402
from benchmarks.recipes import QVHIGHLIGHTS, TVSUM, Recipe, read_demo, write_files  # noqa: E402
from benchmarks.training import describe_processor  # noqa: E402
from formats.annotations import read_annotations  # noqa: E402
from model.network.joined import can_join  # noqa: E402

SHOWN_SHAPES = 12
TENSOR, LARGER = 2_500_000, 64_000_000
"""Numbers of a tensor of a step, and of one that no cache holds."""
QUERIES = len(QVHIGHLIGHTS.lengths)
FLOAT32 = ("torch", "oneDNN")
COUNTED = ("before", "now")
"""Programs whose work is counted; what `joined` runs in compiled operators cannot be."""


@dataclass(frozen=True)
class Job:
    """A job that is timed: a recipe, and a step's precision or `infer`; `per` jobs make up what a time is given for."""

    title: str
    recipe: str
    what: str
    per: int = 1

    @property
    def precision(self) -> str:
        """Precision of its products."""
        return "bfloat16" if self.what == "bfloat16" else "float32"


JOBS = (
    Job("QVHighlights step, float32", "qvhighlights", "float32"),
    Job("QVHighlights step, bfloat16", "qvhighlights", "bfloat16"),
    Job("TVSum step, float32", "tvsum", "float32"),
    Job("TVSum step, bfloat16", "tvsum", "bfloat16"),
    Job("demo step, float32", "demo", "float32"),
    Job("inference, per query", "qvhighlights", "infer", QUERIES),
)


@dataclass(frozen=True)
class Work:
    """What a job has to do in one program, and where its time goes.

    Attributes:
        products: floating-point operations by shape of the product.
        operators, moved: calls of operators, and bytes that those other than products read and write.
        own_floor: seconds of its products, each at the rate of its shape.
        calls: seconds of the step with every size cut; None for inference.
    """

    products: Counter[Shape]
    operators: int
    moved: float
    own_floor: float
    calls: float | None


@dataclass(frozen=True)
class Timed:
    """Times of a job in each program, turn by turn.

    Attributes:
        times: CPU seconds by program.
        floors: seconds of our products at the rate of a large one in the same turn.
        work: by program of this project.
    """

    job: Job
    times: dict[str, list[float]]
    floors: list[float]
    work: dict[str, Work]

    def memory_floor(self, program: str, bandwidth: float) -> float:
        """Seconds of what operators other than products read and write, at a bandwidth (bytes per second)."""
        return self.work[program].moved / bandwidth / self.job.per


def write_data(folder: Path) -> None:
    """Random data of each recipe, whole and cut, in folders named by recipe."""
    for name, recipe in {"qvhighlights": QVHIGHLIGHTS, "tvsum": TVSUM, "demo": read_demo()}.items():
        for title, each in {name: recipe, f"{name}_cut": _cut(recipe)}.items():
            (folder / title).mkdir()
            write_files(folder / title, each)
            rows = read_annotations([folder / title / "rows.jsonl"])
            sizes = {
                "clips": {row["vid"]: clips for row, clips in zip(rows, each.lengths, strict=True)},
                "queries": [str(row["qid"]) for row in rows],
                "video": each.streams,
                "audio": each.audio,
                "text": each.text,
                "dtype": np.dtype(each.dtype).name,
            }
            (folder / title / "sizes.json").write_text(json.dumps(sizes), encoding="utf-8")


def _cut(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        lengths=[max(8, length // CUT) for length in recipe.lengths],
        streams=dict.fromkeys(recipe.streams, 8),
        audio=dict.fromkeys(recipe.audio, 8),
        text=(4, 8),
    )


class Rates:
    """Rates of products, each shape measured once."""

    def __init__(self) -> None:
        self._found: dict[Shape, dict[str, float]] = {}

    def of(self, shape: Shape) -> dict[str, float]:
        """Operations per second by library."""
        if shape not in self._found:
            self._found[shape] = rates(shape, turns=5)
        return self._found[shape]

    def floor(self, products: Counter[Shape], precision: str) -> float:
        """Seconds of products at the rate of each shape; of those beyond the 24 largest, at the others' mean rate."""
        largest = dict(products.most_common(2 * SHOWN_SHAPES))
        seconds = sum(operations / best(self.of(shape), precision) for shape, operations in largest.items())
        return seconds * products.total() / sum(largest.values())


def best(by_library: dict[str, float], precision: str) -> float:
    """The best rate in a precision."""
    return by_library["bfloat16"] if precision == "bfloat16" else max(by_library.get(name, 0.0) for name in FLOAT32)


def measure(job: Job, programs: dict[str, Process], turns: int, known: Rates) -> Timed:
    """Time a job in all programs, in turns."""
    able = {name: process for name, process in programs.items() if _does(name, job)}
    times: dict[str, list[float]] = {name: [] for name in able}
    cut: dict[str, list[float]] = {name: [] for name in able if name in COUNTED and job.what != "infer"}
    fastest: list[float] = []
    for turn in range(turns + 1):
        found = best(rates(LARGE, turns=3), job.precision)
        for name, process in able.items():
            what = f"{job.what} joined" if name == "joined" else job.what
            seconds = process.ask("run", job.recipe, what)
            # The reference infers one batch of 100 queries.
            per = 100 if name == "reference" and job.what == "infer" else job.per
            short = process.ask("run", job.recipe, f"{what} cut") if name in cut else 0.0
            if turn:
                times[name].append(seconds / per)
                if name in cut:
                    cut[name].append(short)
        if turn:
            fastest.append(found)
    work = {name: _count(able[name], job, known, cut.get(name)) for name in COUNTED if name in able}
    floors = [work["now"].products.total() / rate / job.per for rate in fastest]
    return Timed(job, times, floors, work)


def choose_jobs(only: str, bfloat16: bool) -> list[Job]:
    """The jobs with some text in their titles, those in bfloat16 if the processor has instructions for it."""
    return [job for job in JOBS if only in job.title and (bfloat16 or job.precision != "bfloat16")]


def _does(program: str, job: Job) -> bool:
    if program == "reference":
        return job.recipe != "demo" and job.precision == "float32"
    return program != "joined" or job.what != "infer"


def _count(process: Process, job: Job, known: Rates, cut: list[float] | None) -> Work:
    counted = process.ask("count", job.recipe, job.what)
    products: Counter[Shape] = Counter()
    for *shape, operations in counted["products"]:
        products[tuple(shape)] += operations  # type: ignore[index]
    own = known.floor(products, job.precision) / job.per
    return Work(products, counted["operators"], counted["moved"], own, None if cut is None else statistics.median(cut))


def show(values: list[float]) -> str:
    """Median and range in milliseconds."""
    low, middle, high = (1e3 * value for value in (min(values), statistics.median(values), max(values)))
    return f"{middle:.3g} ({low:.3g} to {high:.3g})" if middle < 1000 else f"{middle:.0f} ({low:.0f} to {high:.0f})"


def ratio(values: list[float], others: list[float]) -> str:
    """Median of the ratios by turn."""
    return f"{statistics.median(a / b for a, b in zip(values, others, strict=True)):.2f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines) + "\n"


def describe_machine(threads: int, found: dict[int, dict[str, float]]) -> str:
    """Processor, and bandwidths of memory by numbers per tensor."""
    lines = f"{describe_processor()}; {threads} thread(s), torch {torch.__version__}\n\n"
    titles = {TENSOR: "10 MB (a tensor of a step)", LARGER: "256 MB"}
    rows = [[titles[size], *(f"{1e-9 * rate:.1f}" for rate in by_use.values())] for size, by_use in found.items()]
    return lines + table(["memory, GB per CPU second", "read", "copy", "triad"], rows)


def describe_shapes(timed: Timed, known: Rates) -> str:
    """The shapes of a step's products, and the rates of each library."""
    rows = []
    products = timed.work["now"].products
    for shape, operations in [(LARGE, 0), *products.most_common(SHOWN_SHAPES)]:
        found = known.of(shape)
        title = f"{shape[0]} x {shape[1]}x{shape[2]}x{shape[3]} {shape[4]}"
        share = f"{100 * operations / products.total():.1f}" if operations else ""
        cells = [f"{1e-9 * found[name]:.0f}" if name in found else "" for name in (*FLOAT32, "bfloat16")]
        rows.append([title, share, *cells])
    return table(["products, GFLOP per CPU second", "% of the step's", *FLOAT32, "bfloat16"], rows)


def describe_times(found: list[Timed], programs: list[str]) -> str:
    """Times of the programs, and how much of each other program's time ours takes."""
    others = [name for name in programs if name != "now"]
    head = ["CPU ms: median (range)", *programs, *(_compared(name) for name in others)]
    rows = []
    for timed in found:
        row = [timed.job.title, *(show(timed.times[name]) if name in timed.times else "" for name in programs)]
        for name in others:
            pair = ("joined", "now") if name == "joined" else ("now", name)
            row.append(ratio(*(timed.times[each] for each in pair)) if name in timed.times else "")
        rows.append(row)
    return table(head, rows)


def _compared(program: str) -> str:
    return "joined / now" if program == "joined" else f"now / {program}"


def describe_floors(found: list[Timed], programs: list[str], bandwidth: float) -> str:
    """All times as multiples of the floors of `now`."""
    head = ["times the floor", "floor, ms", *programs]
    rows = []
    for timed in found:
        work = timed.work["now"]
        own = [work.own_floor] * len(timed.floors)
        with_memory = [work.own_floor + timed.memory_floor("now", bandwidth)] * len(timed.floors)
        for title, floor in {"": timed.floors, ", own shapes": own, ", with memory": with_memory}.items():
            cells = [ratio(timed.times[name], floor) if name in timed.times else "" for name in programs]
            rows.append([timed.job.title + title, show([statistics.median(floor)]).split()[0], *cells])
    return table(head, rows)


def describe_shares(found: list[Timed], bandwidth: float) -> str:
    """What the jobs consist of."""
    head = ["job", "GFLOP", "GB moved", "operators", "products, ms", "memory floor, ms", "calls, ms", "memory, ms"]
    rows = []
    for timed in found:
        for name, work in timed.work.items():
            amounts = [1e-9 * work.products.total(), 1e-9 * work.moved]
            cells = [*(f"{amount / timed.job.per:.3g}" for amount in amounts), f"{work.operators / timed.job.per:.4g}"]
            cells += [f"{1e3 * work.own_floor:.3g}", f"{1e3 * timed.memory_floor(name, bandwidth):.3g}"]
            if work.calls is not None:
                rest = statistics.median(timed.times[name]) - work.own_floor - work.calls
                cells += [f"{1e3 * work.calls:.3g}", f"{1e3 * rest:.3g}"]
            rows.append([f"{timed.job.title}, {name}", *cells, *[""] * (len(head) - 1 - len(cells))])
    return table(head, rows)


def describe_use(before: float | None, during: float | None) -> str:
    """What others used of the machine."""
    if before is None or during is None:
        return "Whether other programs used the machine is not known.\n"
    verdict = "idle" if max(before, during) < BUSY else "NOT IDLE: these figures are for comparisons within a turn only"
    return f"Other programs used {before:.0%} of the cores just before and {during:.0%} during the run: {verdict}.\n"


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="checkout of an earlier version to compare with")
    parser.add_argument("--reference", type=Path, help="checkout of wjun0830/QD-DETR to compare with")
    parser.add_argument("--turns", type=int, default=7, help="timed turns of each job (default: 7)")
    parser.add_argument("--only", default="", help="only jobs whose title contains this")
    arguments = parser.parse_args()
    jobs = choose_jobs(arguments.only, BFLOAT16)
    if not jobs:
        parser.error(f"--only {arguments.only}: no job that this processor has instructions for has this in its title")
    started, threads = time.monotonic(), 1
    torch.set_num_threads(threads)
    before, others = share_before(), Others()
    known, memory = Rates(), {size: bandwidths(size) for size in (TENSOR, LARGER)}
    bandwidth = max(memory[TENSOR].values())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder)
        programs = {}
        if arguments.reference:
            programs["reference"] = Process(ROOT, folder, threads, arguments.reference.resolve())
        if arguments.before:
            programs["before"] = Process(arguments.before.resolve(), folder, threads)
        programs["now"] = Process(ROOT, folder, threads)
        if can_join():
            programs["joined"] = Process(ROOT, folder, threads)
        found: list[Timed] = []
        for job in jobs:
            found.append(measure(job, programs, arguments.turns, known))
            sys.stderr.write(f"{job.title}: {time.monotonic() - started:.0f} s\n")
        own: Any = time.process_time() + sum(process.cpu for process in programs.values())
        use = describe_use(before, others.share(own))
        for process in programs.values():
            process.close()
    load = f"{os.getloadavg()[0]:.1f}"
    sys.stdout.write(describe_machine(threads, memory) + describe_shapes(found[0], known))
    sys.stdout.write(describe_times(found, list(programs)))
    sys.stdout.write(describe_floors(found, list(programs), bandwidth) + describe_shares(found, bandwidth))
    sys.stdout.write(f"{use}Load at the end: {load}. The run took {time.monotonic() - started:.0f} s.\n")


if __name__ == "__main__":
    main()
