"""Small datasets in all three layouts of rows, with features whose signal is easy to learn."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from formats.rows import Row
from formats.store import Arrays, Provenance, write_store
from tests.warm import run_python

Json = dict[str, Any]

# Small enough for hundreds of steps in seconds.
SMALL: Json = {"hidden_dim": 16, "n_heads": 2, "fusion_n_heads": 2, "feedforward_dim": 32, "fusion_layers": 1}
STILL: Json = {"input_dropout": 0.0, "dropout": 0.0}
"""Without dropout."""


@dataclass(frozen=True)
class Data:
    """Stores and splits on disk."""

    stores: list[Path]
    train: Path
    val: Path


def mark(rng: np.random.Generator, clips: int, index: int, layout: str) -> tuple[Row, np.ndarray]:
    """A row and its (clips, 8) visual features: in one stretch of four clips a direction stands out."""
    first = int(rng.integers(0, clips - 4))
    marked = list(range(first, first + 4))
    features = 0.3 * rng.standard_normal((clips, 8))
    features[marked, 0] += 2.0
    row: Row = {"qid": index, "vid": f"v{index:02d}", "query": "the marked part", "duration": 2 * clips}
    if layout == "ratings":
        ratings = np.where(np.isin(np.arange(clips), marked)[:, None], 4, 1) + rng.integers(0, 2, (clips, 20))
        row |= {"qid": row["vid"], "label": ratings.astype(float).tolist(), "domain": ["BK", "VT"][index % 2]}
        row |= {"relevant_windows": None, "relevant_clip_ids": None}
        return row, features
    row["relevant_windows"] = [[2 * first, 2 * first + 8]]
    if layout == "moments":
        row |= {"relevant_clip_ids": marked, "saliency_scores": [[3, 4, 4]] * 4}
    return row, features


def write_data(folder: Path, lengths: list[int], layout: str = "moments", held_out: int = 4) -> Data:
    """Write stores and splits of one video a length; the last `held_out` are the val split.

    `layout`: moments (QVHighlights), captions (subs_train.jsonl) or ratings (TVSum).
    """
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    visual: dict[str, Arrays] = {}
    sound: dict[str, Arrays] = {}
    for index, clips in enumerate(lengths):
        row, features = mark(rng, clips, index, layout)
        starts = 2.0 * np.arange(clips)
        times = np.stack([starts, starts + 2.0], axis=1)
        visual[row["vid"]] = {"features": features.astype(np.float32), "times": times}
        sound[row["vid"]] = {"features": rng.standard_normal((clips, 4)).astype(np.float32), "times": times}
        rows.append(row)
    texts = {str(row["qid"]): rng.standard_normal((2 + i % 3, 6)).astype(np.float32) for i, row in enumerate(rows)}

    def encode(qid: str) -> Arrays:
        return {"tokens": texts[qid], "pooled": np.ones((1, 6), np.float32)}

    columns = {"n_clips": np.array(lengths)}
    data = Data([folder / f"{name}.h5" for name in ("visual", "pann", "text")], folder / "t.jsonl", folder / "v.jsonl")
    write_store(data.stores[0], Provenance("clip_visual", "t", "0", "{}", 2.0), visual, visual.__getitem__, columns)
    write_store(data.stores[1], Provenance("pann", "t", "0", "{}", 2.0), sound, sound.__getitem__, columns)
    write_store(data.stores[2], Provenance("clip_text", "t", "0", "{}", 0.0), texts, encode, {})
    for path, part in ((data.train, rows[:-held_out]), (data.val, rows[-held_out:])):
        path.write_text("".join(json.dumps(row) + "\n" for row in part))
    return data


def train_command(data: Data, out: Path, config: Json, *more: str | Path) -> list[str]:
    """Arguments of `python -m model` to train on a dataset."""
    splits = ["--train", data.train, "--val", data.val, "--config", json.dumps(config), "--seed", "3", "--out", out]
    return list(map(str, ["train", "--features", *data.stores, *splits, *more]))


def run(
    *arguments: str | Path, launcher: tuple[str, ...] = (), environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`python -m model`, or the same under a launcher module, as a new process."""
    command = ["-m", *launcher, "-m", "model"] if launcher else ["-m", "model"]
    return run_python([*command, *arguments], environment=environment)


def read_rows(path: Path) -> list[Json]:
    """Lines of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
