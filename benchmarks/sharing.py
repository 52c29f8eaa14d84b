"""Time inference for several queries about one video: `python benchmarks/sharing.py [--queries 20]`.

The projection of a video and the fusion of its audio do not depend on the query, so they are computed once per video of
a batch, and once per window of a long video. Random features of QVHighlights' size (SlowFast and CLIP, 75 clips; PANN
where audio is fused): 100 queries, each about a video of its own, then `--queries` about each video; and 20 minutes in
windows of 150 s, one query and `--queries`. Times include all that `python -m model infer` does after its start but for
writing the files, in CPU time of one thread, in turns. The ratio of the matrix products is what sharing can give
(Amdahl's law); a time can come closer to it only where all else is shared alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.recipes import QVHIGHLIGHTS, Recipe, write_files  # noqa: E402
from benchmarks.training import describe_processor, fast_precisions, time_in_turns  # noqa: E402
from formats.annotations import read_annotations  # noqa: E402
from model.config import InferenceConfig, ModelConfig, Precision  # noqa: E402
from model.data.feature_set import FeatureSet, Streams  # noqa: E402
from model.device import use_device  # noqa: E402
from model.inference.split import answer  # noqa: E402
from model.network.detector import HighlightDetector  # noqa: E402

STREAMS = QVHIGHLIGHTS.model.video_streams
FUSIONS = {
    "no fusion": ModelConfig(fusion="none", video_streams=STREAMS),
    "avigate": ModelConfig(fusion="avigate", video_streams=STREAMS),
    "avigate_custom": ModelConfig(video_streams=STREAMS),
}
COUNT, WINDOW_SECONDS, LONG_CLIPS = 100, 150.0, 600


def prepare(recipe: Recipe, folder: Path, vids: list[str]) -> FeatureSet:
    """The features of one query about each of these videos, which may repeat."""
    stores = sorted(folder.glob("*.h5"))
    rows = read_annotations([folder / "rows.jsonl"])
    rows = [{**row, "vid": vid} for row, vid in zip(rows, vids, strict=False)]
    return FeatureSet(recipe.model, rows, Streams(stores))


def infer(network: HighlightDetector, features: FeatureSet, precision: Precision) -> Callable[[], Any]:
    """A job that answers all queries of a set."""
    config = InferenceConfig(batch_size=COUNT, window_seconds=WINDOW_SECONDS, precision=precision)
    return lambda: deque(answer(network, features, config, "cpu", True, ()), maxlen=0)


def count_products(job: Callable[[], object]) -> float:
    """Operations of a job's matrix products."""
    product = torch.ops.mkldnn._linear_pointwise

    def count(x: list[int], weight: list[int], *_: object, **__: object) -> int:
        return 2 * x[0] * x[1] * weight[0]

    with FlopCounterMode(display=False, custom_mapping={product: count}) as counted:
        job()
    return float(counted.get_total_flops())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=20, help="queries about each video (default: 20)")
    parser.add_argument("--turns", type=int, default=5, help="timed turns of each job (default: 5)")
    given = parser.parse_args()
    use_device("cpu", 1)
    sys.stdout.write(f"{describe_processor()}; 1 thread, torch {torch.__version__}\n\n")
    heads = ("precision", "own video, CPU ms per query", f"{given.queries} per video", "times faster", "products")
    sys.stdout.write(f"| | {' | '.join(heads)} |\n|:--|:--|{'--:|' * 4}\n")
    for title, model in FUSIONS.items():
        audio = {"pann": 2048} if model.reads_audio else {}
        for lengths in (QVHIGHLIGHTS.lengths, [LONG_CLIPS] * given.queries):
            recipe = replace(QVHIGHLIGHTS, model=model, audio=audio, lengths=lengths)
            long = lengths[0] == LONG_CLIPS
            with tempfile.TemporaryDirectory() as name:
                write_files(Path(name), recipe)
                vids = [f"v{index:04d}" for index in range(len(lengths))]
                many = [vids[index // given.queries] for index in range(given.queries if long else COUNT)]
                alone = prepare(recipe, Path(name), vids[: 1 if long else COUNT])
                shared = prepare(recipe, Path(name), many)
                network = HighlightDetector(model, alone.dims)
                for precision in fast_precisions():
                    jobs = [infer(network, features, precision) for features in (alone, shared)]
                    products = [
                        count_products(job) / len(set_) for job, set_ in zip(jobs, (alone, shared), strict=True)
                    ]
                    times = time_in_turns(dict(zip(("alone", "shared"), jobs, strict=True)), given.turns)
                    each = [[t / len(alone) for t in times["alone"]], [t / len(shared) for t in times["shared"]]]
                    ratio = statistics.median(a / b for a, b in zip(*each, strict=True))
                    cells = [*(f"{1e3 * statistics.median(values):.2f}" for values in each), f"{ratio:.2f}"]
                    what = f"{title}, {'20 minutes in windows' if long else '75 clips'}"
                    limit = f"{products[0] / products[1]:.2f}"
                    sys.stdout.write(f"| {what} | {precision} | {' | '.join(cells)} | {limit} |\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
