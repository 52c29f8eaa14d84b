"""Measure the memory of training on QVHighlights: `python benchmarks/memory.py [--share 0.25] [--checkout DIR]`.

Writes random features of QVHighlights' size (10,148 videos of 75 clips with SlowFast and CLIP, 2816 columns in float16,
and a query of 32 tokens about each; 4.6 GB, and as much again while they are written), then loads them in processes of
their own, which train for a few steps or answer 20 queries about one video:

- peak: the most memory that the process had in use at once (VmHWM), pages of mapped files among it;
- own: what it cannot share with another process, or give back when memory is short (RssAnon), after the last step;
- together: of several processes at the same time, each page counted once (the sum of their PSS).

Each is given above a process that has all libraries and the same network but no features. `--checkout` measures another
checkout of this project beside this one. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
VIDEOS, CLIPS, TOKENS = 10_148, 75, 32
WIDTHS = {"slowfast": 2304, "clip_visual": 512}
STEPS, QUERIES = 3, 20
MB = 1e6


def write_files(folder: Path, videos: int) -> list[Path]:
    """Write the stores of both streams and of the queries."""
    from formats.grid import CLIP_SECONDS
    from formats.store import Arrays, Provenance, write_store

    names = [f"v{index:05d}" for index in range(videos)]
    starts = CLIP_SECONDS * np.arange(CLIPS)
    times = np.stack([starts, starts + CLIP_SECONDS], axis=1)
    rng = np.random.default_rng(0)
    stores = []
    for stream, width in {**WIDTHS, "clip_text": 512}.items():
        text = stream == "clip_text"
        block = rng.standard_normal((TOKENS if text else CLIPS, width)).astype(np.float16)

        def encode(name: str, text: bool = text, block: np.ndarray = block) -> Arrays:
            rows = np.roll(block, int(name.removeprefix("v")), axis=1)  # as good as random ones, and quicker
            return {"tokens": rows} if text else {"features": rows, "times": times}

        path = folder / f"{stream}.h5"
        provenance = Provenance(stream, "benchmark", "0", "{}", 0.0 if text else CLIP_SECONDS)
        ids = [str(index) for index in range(videos)] if text else names
        write_store(path, provenance, ids, encode, {} if text else {"n_clips": np.full(videos, CLIPS)})
        stores.append(path)
    return stores


def measure(kind: str, folder: Path, videos: int, queries: int) -> None:
    """Do the work of one process, print what it used, and wait for a line before it ends."""
    from formats.rows import Row
    from model.config import ModelConfig, TrainConfig
    from model.data.feature_set import FeatureSet
    from model.data.streams import Streams
    from model.device import use_device
    from model.inference.predict import predict, submission_row
    from model.network.detector import HighlightDetector
    from model.network.tensors import InputDims
    from model.training.batches import Plan
    from model.training.distributed import Processes
    from model.training.engine import Engine, seed_everything

    use_device("cpu", 1)
    seed_everything(0)
    config = ModelConfig(fusion="none", video_streams=tuple(WIDTHS))
    network = HighlightDetector(config, InputDims(video=sum(WIDTHS.values()) + 2, text=512, audio=0))
    label = {"relevant_windows": [[0, 10]], "relevant_clip_ids": [*range(5)], "saliency_scores": [[4, 4, 4]] * 5}
    about = [0] * queries if queries else [*range(videos)]
    rows: list[Row] = [
        {"qid": qid, "vid": f"v{video:05d}", "query": "q", "duration": 2 * CLIPS, **label}
        for qid, video in enumerate(about)
    ]
    loaded = 0.0
    if kind == "train":
        features = FeatureSet(config, rows, Streams(sorted(folder.glob("*.h5"))))
        loaded = _of_process("VmHWM")
        features.digest()
        engine = Engine(network, TrainConfig(), features, 0, Processes())
        for step, batch in zip(range(STEPS), Plan(features, TrainConfig(), 0).epoch(1), strict=False):
            engine.step(batch, step, 1e-4)
    elif kind == "queries":
        features = FeatureSet(config, rows, Streams(sorted(folder.glob("*.h5"))))
        loaded = _of_process("VmHWM")
        for item in predict(network, features, 100, "cpu"):
            submission_row(item, 2.0, round_to_clips=True)
    used = {"loaded": loaded, "peak": _of_process("VmHWM"), "own": _of_process("RssAnon")}
    sys.stdout.write(json.dumps(used) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


def _of_process(key: str, process: str = "self", file: str = "status") -> float:
    """A number of bytes from the files of a process in /proc."""
    for line in Path("/proc", process, file).read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return float(value.split()[0]) * 1024
    raise KeyError(key)


@contextmanager
def _at_work(root: Path, kind: str, folder: Path, videos: int, queries: int) -> Iterator[tuple[int, dict[str, float]]]:
    """A process that has done its work and not ended: its id, and what it used."""
    arguments = ["--measure", kind, "--folder", str(folder), "--videos", str(videos), "--queries", str(queries)]
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process.pid, json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def compare(root: Path, folder: Path, videos: int, size: float) -> Iterator[tuple[str, dict[str, float]]]:
    """What each kind of work takes above the libraries, in bytes; `together` of one process and of two."""
    with _at_work(root, "nothing", folder, videos, 0) as (process, bare):
        alone = _of_process("Pss", str(process), "smaps_rollup")
    with _at_work(root, "train", folder, videos, 0) as (first, used):
        one = _of_process("Pss", str(first), "smaps_rollup") - alone
        with _at_work(root, "train", folder, videos, 0) as (second, _):
            both = sum(_of_process("Pss", str(process), "smaps_rollup") - alone for process in (first, second))
    yield f"training, {STEPS} steps", _above(bare, used) | {"together": one}
    yield "two such runs", {"together": both}
    with _at_work(root, "queries", folder, videos, QUERIES) as (_, used):
        yield f"{QUERIES} queries about one video", _above(bare, used)


def _above(bare: dict[str, Any], used: dict[str, Any]) -> dict[str, float]:
    # The highest mark of the libraries alone is theirs at the start as well.
    return {key: used[key] - bare["own" if key == "own" else "peak"] for key in ("loaded", "peak", "own")}


def main() -> None:
    """Write the features and print the table, or with --measure be one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="share of the 10,148 videos (default: 1)")
    parser.add_argument("--checkout", type=Path, help="another checkout of this project to measure as well")
    parser.add_argument("--scratch", type=Path, help="folder on the disk that holds the features (default: TMPDIR)")
    for name in ("--measure", "--folder", "--videos", "--queries"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, Path(given.folder), int(given.videos), int(given.queries))
        return
    sys.path.insert(0, str(ROOT))
    videos = round(VIDEOS * given.share)
    with tempfile.TemporaryDirectory(dir=given.scratch) as name:
        stores = write_files(Path(name), videos)
        size = sum(store.stat().st_size for store in stores)
        sys.stdout.write(
            f"{videos} videos, {size / MB:,.0f} MB of stores; MB above the libraries, and times the stores\n\n"
        )
        columns = ("loaded", "peak", "own", "together")
        sys.stdout.write(f"| | {' | '.join(columns)} |\n|:--|{'--:|' * len(columns)}\n")
        for root in filter(None, (given.checkout, ROOT)):
            for what, used in compare(root.resolve(), Path(name), videos, size):
                cells = [f"{used[key] / MB:,.0f} ({used[key] / size:.2f})" if key in used else "" for key in columns]
                where = "" if root == ROOT else f", {root.name}"
                sys.stdout.write(f"| {what}{where} | {' | '.join(cells)} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
