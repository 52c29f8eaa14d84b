"""Time training and inference: `python benchmarks/training.py [--reference CHECKOUT]`.

Features are random and have the sizes of the published recipes: QVHighlights with SlowFast and CLIP (2818 columns with
endpoint features), 75 clips, 32 tokens, batch size 32; TVSum with I3D (2050 columns), batches of 4 videos, 49 to 323
clips each. The demo's step has the recipe of config.yaml and the sizes of its data. `joined` is a step with
`train.joined_operators`. With --reference, a checkout of wjun0830/QD-DETR, its steps and ours take turns in one
process, and the ratio of CPU times is printed, because the machine may be shared. The processor is printed first, with
the rates of matrix products in the libraries that torch includes, on which most of the gain depends.
QVHighlights' video features are float16 in both layouts, the default of the extractor that made the published ones
(linjieli222/HERO_Video_Feature_Extractor). Our times include everything that a step needs (targets, batch, network,
losses, update; for inference also the rows of the prediction file). The reference's batches are made before its time
starts, except when loading is timed. Steps in bfloat16 are not timed where the processor has no instructions for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch.nn.functional import linear

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.recipes import QVHIGHLIGHTS, TVSUM, Recipe, read_demo, write_files  # noqa: E402
from benchmarks.reference import Reference  # noqa: E402
from cli.device import computes_fast  # noqa: E402
from formats.annotations import read_annotations  # noqa: E402
from formats.grid import CLIP_SECONDS  # noqa: E402
from model.config import Precision, TrainConfig  # noqa: E402
from model.data.feature_set import FeatureSet, Streams  # noqa: E402
from model.inference.predict import predict, submission_row  # noqa: E402
from model.network.detector import HighlightDetector  # noqa: E402
from model.training.batches import Batch, Plan, split_places, take_part  # noqa: E402
from model.training.distributed import Processes  # noqa: E402
from model.training.engine import PASS_CLIPS, Engine, seed_everything  # noqa: E402


class Ours:
    """This project's training and inference with a recipe."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        stores: list[Path],
        precision: str = "float32",
        device: str = "cpu",
        seed: int = 0,
        joins: bool = False,
    ) -> None:
        self.recipe = recipe
        self.features = FeatureSet(recipe.model, read_annotations([folder / "rows.jsonl"]), Streams(stores))
        self._seed = seed
        seed_everything(seed)
        network = HighlightDetector(recipe.model, self.features.dims).to(device)
        keys = {"precision": precision, "joined_operators": joins}
        config = TrainConfig.from_dict({**recipe.train.to_dict(), **keys})
        self.engine = Engine(network, config, self.features, seed, Processes())
        self._batches = self.plan()
        self._steps = count()

    def plan(self) -> Iterator[Batch]:
        """Endless batches."""
        plan = Plan(self.features, self.recipe.train, self._seed)
        for epoch in count(1):
            yield from plan.epoch(epoch)

    def step(self) -> None:
        """One training step, including targets and batch."""
        torch.use_deterministic_algorithms(True)
        self.engine.step(next(self._batches), next(self._steps), 1e-4)

    def infer(self) -> None:
        """Inference on the whole set in batches of 100, including the rows of the prediction file."""
        for item in predict(self.engine.network, self.features, 100, self.engine.device):
            submission_row(item, CLIP_SECONDS, round_to_clips=True)


def time_in_turns(jobs: dict[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """CPU seconds of each job, run in turns after one warm-up."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(turns + 1):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            if turn:
                times[name].append(time.process_time() - start)
    return times


def describe_processor() -> str:
    """Name, family and model of the processor, and the number of cores that this process may use."""
    facts: dict[str, str] = {}
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = facts.get("model name") or platform.processor() or platform.machine()
    kind = f" (family {facts['cpu family']}, model {facts['model']})" if {"cpu family", "model"} <= set(facts) else ""
    return f"{name}{kind}, {len(os.sched_getaffinity(0))} cores"


def fast_precisions() -> list[Precision]:
    """The precisions that this processor has instructions for."""
    return [precision for precision in get_args(Precision) if computes_fast(precision, torch.ops.mkldnn)]


def measure_products(turns: int = 25) -> dict[str, float]:
    """GFLOP per CPU second of (2400, 256) x (256, 1024) plus a bias, about the largest product of a QVHighlights step.

    Computed by torch's default (float32: MKL if torch has it), by oneDNN, and in bfloat16. Medians after a warm-up.
    """
    rows, inner, columns = 2400, 256, 1024
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(size, inner, generator=generator) for size in (rows, columns))
    bias = torch.zeros(columns)
    short = [tensor.bfloat16() for tensor in (x, weight, bias)]
    jobs: dict[str, Callable[[], object]] = {
        "MKL float32" if torch.backends.mkl.is_available() else "torch float32": lambda: linear(x, weight, bias)
    }
    if torch.backends.mkldnn.is_available():
        jobs["oneDNN float32"] = lambda: torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    jobs["bfloat16"] = lambda: linear(*short)
    with torch.no_grad():
        times = time_in_turns(jobs, turns)
    return {name: 2e-9 * rows * inner * columns / statistics.median(values) for name, values in times.items()}


def report(what: str, times: dict[str, list[float]], columns: list[str], per: float = 1.0) -> None:
    """Print a line of the table: median CPU milliseconds, and the median ratio per turn to the first job."""
    baseline, *others = times
    cells = [f"{1e3 * statistics.median(times[name]) / per:.4g}" if name in times else "" for name in columns]
    ratios = [
        f"{name} {statistics.median(b / o for b, o in zip(times[baseline], times[name], strict=True)):.2f}x"
        for name in others
    ]
    sys.stdout.write(f"| {what} | {' | '.join(cells)} | {', '.join(ratios)} |\n")
    sys.stdout.flush()


def main() -> None:
    """Print the processor, its rates and the table of times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help="checkout of wjun0830/QD-DETR to compare with")
    parser.add_argument("--turns", type=int, default=5, help="timed turns of each job (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rates = ", ".join(f"{name} {rate:.0f}" for name, rate in measure_products().items())
    sys.stdout.write(f"{describe_processor()}; {arguments.threads} thread(s), torch {torch.__version__}\n")
    sys.stdout.write(f"products of 2400x256x1024, GFLOP per CPU second: {rates}\n\n")
    sys.stdout.flush()
    precisions = fast_precisions()
    kinds = {
        f"{precision}{', joined' * joins}": (precision, joins) for joins in (False, True) for precision in precisions
    }
    names = [*(["reference"] if arguments.reference else []), *kinds]
    sys.stdout.write(
        f"| CPU ms, {arguments.threads} thread(s) | {' | '.join(names)} | times faster than {names[0]} |\n"
    )
    sys.stdout.write(f"|:--|{'--:|' * len(names)}:--|\n")
    for recipe, what in (
        (QVHIGHLIGHTS, "training step, QVHighlights, batch 32"),
        (TVSUM, "training step, TVSum"),
        (read_demo(), "training step, demo, batch 16"),
    ):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            stores = write_files(folder, recipe)
            ours = {
                name: Ours(recipe, folder, stores, precision, joins=joins) for name, (precision, joins) in kinds.items()
            }
            jobs: dict[str, Callable[[], object]] = {}
            reference = None
            if arguments.reference and not recipe.audio:
                width = sum(recipe.streams.values())
                reference = Reference(arguments.reference, recipe.name, folder, width)
                made = next(reference.batches(recipe.train.batch_size))
                jobs["reference"] = lambda reference=reference, made=made: reference.step(*made)
            jobs |= {name: each.step for name, each in ours.items()}
            report(what, time_in_turns(jobs, arguments.turns), names)
            if recipe is QVHIGHLIGHTS:
                _time_inference(ours["float32"], reference, arguments.turns, names)
                _time_loading(ours["float32"], reference, arguments.turns, names)


def _load(features: FeatureSet, batch: Batch) -> None:
    for places in split_places(features, batch, 0, 1, PASS_CLIPS):
        take_part(features, batch, places, "cpu")


def _exhaust(items: Iterable[object]) -> None:
    """Consume all items without keeping them."""
    deque(items, maxlen=0)


def _time_inference(ours: Ours, reference: Reference | None, turns: int, columns: list[str]) -> None:
    """Time inference per query, in batches of 100."""
    jobs: dict[str, Callable[[], object]] = {}
    if reference is not None:
        inputs, _ = next(reference.batches(100))
        jobs["reference"] = lambda: reference.predict(inputs)
    times = time_in_turns(jobs | {"float32": ours.infer}, turns)
    # The reference runs one batch of 100 queries, ours all queries.
    queries = {"reference": 100, "float32": len(ours.features)}
    times = {name: [t / queries[name] for t in values] for name, values in times.items()}
    report("inference, per query", times, columns)


def _time_loading(ours: Ours, reference: Reference | None, turns: int, columns: list[str]) -> None:
    """Time loading per query, in batches of 32, and copying its video features alone, the lower bound of loading."""
    batch = ours.recipe.train.batch_size
    # Eight passes per turn: an epoch has 225 batches, and the first few after the other job's turn find cold caches.
    steps = 8 * len(ours.features) // batch
    made = ours.plan()
    jobs: dict[str, Callable[[], object]] = {}
    if reference is not None:
        batches = reference.batches(batch)
        jobs["reference"] = lambda: _exhaust(islice(batches, steps))
    jobs["float32"] = lambda: _exhaust(_load(ours.features, each) for each in islice(made, steps))
    video = np.ones((batch, ours.recipe.lengths[0], ours.features.dims.video), np.float32)
    jobs["copy"] = lambda: _exhaust(video.copy() for _ in range(steps))
    times = time_in_turns(jobs, turns)
    copied = times.pop("copy")
    report("loading, per query", times, columns, per=steps * batch)
    copying = {name: values for name, values in times.items() if name == "reference"} | {"float32": copied}
    report("copying its video features, nothing else", copying, columns, per=steps * batch)


if __name__ == "__main__":
    main()
