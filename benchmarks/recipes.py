"""Recipes of training that the benchmarks time, and random data of their sizes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from formats.grid import CLIP_SECONDS
from formats.store import Arrays, Provenance, write_store
from model.config import ModelConfig, TrainConfig

# Each domain has 4 training videos; these lengths span TVSum's range.
TVSUM_LENGTHS = [49, 130, 210, 323]


@dataclass(frozen=True)
class Recipe:
    """A data set and a training recipe.

    Attributes:
        name: of the reference's recipe with the same layout of files, hl or tvsum.
        lengths: clips of each video.
        streams, audio: widths of the streams of video and of audio.
        dtype: type of the video features on disk.
        text: tokens of each query, and their width.
    """

    name: str
    lengths: list[int]
    streams: dict[str, int]
    model: ModelConfig
    train: TrainConfig
    dtype: type[np.floating[Any]] = np.float32
    audio: dict[str, int] = field(default_factory=dict)
    text: tuple[int, int] = (32, 512)


def read_demo() -> Recipe:
    """The demo's recipe, and data of the demo's size: videos of 20 to 30 clips."""
    config = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text(encoding="utf-8"))
    return Recipe(
        "hl",
        [20 + index % 11 for index in range(128)],
        {"clip_visual": 64},
        ModelConfig.from_dict(config["model"]),
        TrainConfig.from_dict(config["train"]),
        audio={"pann": 128, "clap": 64},
        text=(8, 96),
    )


QVHIGHLIGHTS = Recipe(
    "hl",
    [75] * 128,
    {"slowfast": 2304, "clip_visual": 512},
    ModelConfig(fusion="none", video_streams=("slowfast", "clip_visual")),
    TrainConfig(),
    np.float16,
)
TVSUM = Recipe(
    "tvsum",
    TVSUM_LENGTHS,
    {"i3d": 2048},
    ModelConfig(fusion="none", video_streams=("i3d",)),
    TrainConfig(objective="saliency", batch_size=4, learning_rate=1e-3, best_metric="mAP"),
)


def write_files(folder: Path, recipe: Recipe) -> list[Path]:
    """Write rows and random features, as our stores (returned) and as the reference's files."""
    rng = np.random.default_rng(0)
    videos = {f"v{i:04d}": clips for i, clips in enumerate(recipe.lengths)}
    video = {
        vid: {name: _random(rng, clips, dim).astype(recipe.dtype) for name, dim in recipe.streams.items()}
        for vid, clips in videos.items()
    }
    rows = [_make_row(rng, vid, clips, recipe.name) for vid, clips in videos.items()]
    texts = {str(row["qid"]): _random(rng, *recipe.text) for row in rows}
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sounds = recipe.audio.items()
    audio = {vid: {name: _random(rng, clips, dim) for name, dim in sounds} for vid, clips in videos.items()}
    stores = [_write_clips(folder, stream, videos, video) for stream in recipe.streams]
    stores += [_write_clips(folder, stream, videos, audio) for stream in recipe.audio]
    stores.append(_write_texts(folder, texts))
    for name in (*recipe.streams, "clip_text"):
        (folder / name).mkdir()
    for row in rows:
        for stream, features in video[row["vid"]].items():
            if recipe.name == "tvsum":
                np.save(folder / stream / f"{row['vid']}_rgb.npy", features[:, :1024])
                np.save(folder / stream / f"{row['vid']}_opt.npy", features[:, 1024:])
            else:
                np.savez(folder / stream / f"{row['vid']}.npz", features=features)
        name, key = (row["qid"], "token") if recipe.name == "tvsum" else (f"qid{row['qid']}", "last_hidden_state")
        np.savez(folder / "clip_text" / f"{name}.npz", **{key: texts[str(row["qid"])]})
    return stores


def _random(rng: np.random.Generator, rows: int, dim: int) -> np.ndarray:
    return rng.standard_normal((rows, dim), dtype=np.float32)


def _make_row(rng: np.random.Generator, vid: str, clips: int, recipe: str) -> dict[str, Any]:
    row: dict[str, Any] = {"vid": vid, "query": "a query", "duration": 2 * clips}
    if recipe == "tvsum":
        ratings = rng.integers(1, 6, (clips, 20)).astype(float).tolist()
        return {**row, "qid": vid, "label": ratings, "domain": "BK"}
    edges = np.sort(rng.choice(clips + 1, size=2 * int(rng.integers(1, 4)), replace=False)).reshape(-1, 2)
    relevant = [clip for start, end in edges.tolist() for clip in range(start, end)]
    scores = rng.integers(0, 5, (len(relevant), 3)).tolist()
    windows = (2 * edges).tolist()
    return {
        **row,
        "qid": int(vid[1:]),
        "relevant_windows": windows,
        "relevant_clip_ids": relevant,
        "saliency_scores": scores,
    }


def _write_clips(folder: Path, stream: str, videos: dict[str, int], features: dict[str, dict[str, np.ndarray]]) -> Path:
    def encode(vid: str) -> Arrays:
        starts = CLIP_SECONDS * np.arange(videos[vid])
        return {"features": features[vid][stream], "times": np.stack([starts, starts + CLIP_SECONDS], axis=1)}

    path = folder / f"{stream}.h5"
    columns = {"n_clips": np.array(list(videos.values()))}
    write_store(path, Provenance(stream, "benchmark", "0", "{}", CLIP_SECONDS), videos, encode, columns)
    return path


def _write_texts(folder: Path, texts: dict[str, np.ndarray]) -> Path:
    def encode(qid: str) -> Arrays:
        return {"tokens": texts[qid], "pooled": np.ones((1, texts[qid].shape[1]), np.float32)}

    path = folder / "clip_text.h5"
    write_store(path, Provenance("clip_text", "benchmark", "0", "{}", 0.0), texts, encode, {})
    return path
