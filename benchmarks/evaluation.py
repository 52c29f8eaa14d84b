"""Time `python -m eval score` as a whole process: `python benchmarks/evaluation.py`.

Without arguments it makes random predictions for as many synthetic queries as QVHighlights' val split has; with
--predictions and --ground-truth it times those files. The original program needs 15 to 26 CPU seconds for 1550 queries
(11 with one thread per process); the target for ours is at most 1.5 s of wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
ORIGINAL_CPU_SECONDS = (15.0, 26.0)


def make_files(folder: Path, queries: int) -> tuple[Path, Path]:
    """Synthetic annotations of 150 s videos with one to four windows each, and random predictions for them."""
    random = np.random.default_rng(0)
    rows = []
    for qid in range(queries):
        edges = np.sort(random.choice(76, size=2 * int(random.integers(1, 5)), replace=False)).reshape(-1, 2)
        clips = [clip for start, end in edges.tolist() for clip in range(start, end)]
        rows.append(
            {
                "qid": qid,
                "vid": f"video{qid}",
                "duration": 150,
                "relevant_windows": (2 * edges).tolist(),
                "relevant_clip_ids": clips,
                "saliency_scores": random.integers(0, 5, (len(clips), 3)).tolist(),
            }
        )
    truth, predictions = folder / "truth.jsonl", folder / "predictions.jsonl"
    truth.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    files = ["--ground-truth", str(truth), "--out", str(predictions)]
    subprocess.run([sys.executable, "-m", "eval", "baseline", "--seed", "0", *files], check=True, cwd=ROOT)
    return predictions, truth


def time_once(predictions: Path, truth: Path, out: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the process, including imports and reading."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    files = ["--predictions", predictions, "--ground-truth", truth, "--out", out]
    command = [sys.executable, "-m", "eval", "score", *map(str, files)]
    subprocess.run(
        command, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the median of several runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=Path)
    parser.add_argument("--ground-truth", type=Path)
    parser.add_argument("--queries", type=int, default=1550, help="synthetic queries (default: 1550)")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    if bool(arguments.predictions) != bool(arguments.ground_truth):
        parser.error("--predictions and --ground-truth must be given together")
    with tempfile.TemporaryDirectory() as folder:
        files = arguments.predictions, arguments.ground_truth
        if not arguments.predictions:
            files = make_files(Path(folder), arguments.queries)
        files = files[0].resolve(), files[1].resolve()
        times = [time_once(*files, Path(folder) / "metrics.json") for _ in range(arguments.repeat)]
        queries = sum(1 for line in files[1].open(encoding="utf-8") if line.strip())
    wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
    low, high = (seconds / cpu for seconds in ORIGINAL_CPU_SECONDS)
    sys.stdout.write(
        f"{queries} queries: {wall:.2f} s wall, {cpu:.2f} CPU s (median of {arguments.repeat})\n"
        f"against the original's 15 to 26 CPU s for 1550 queries: {low:.0f} to {high:.0f} times less\n"
    )


if __name__ == "__main__":
    main()
