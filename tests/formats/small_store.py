"""A small store of three videos, one of them without sound, and jobs that are killed while they write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from formats.store import Arrays, Provenance, write_store

PROVENANCE = Provenance("sound", "extractor 1", "0" * 64, '{"a":1}', clip_seconds=2.0)


CLIPS = {"-a": [0, 1, 2], "b b": [], "c": [1, 3]}  # which clips have rows; the grids have 3, 2 and 5


COLUMNS = {
    "n_clips": np.array([3, 2, 5]),
    "has_audio": np.array([True, False, True]),
    "source_sha256": np.array(["x", "yy", "я"]),
}


def encode(name: str) -> Arrays:
    clips = np.array(CLIPS[name], np.int64)
    starts = 2.0 * clips
    features = np.random.default_rng(len(name)).standard_normal((len(clips), 4)).astype(np.float32)
    return {"features": features, "times": np.stack([starts, starts + 2], axis=1)}


def write(path: Path, encoder: Callable[[str], Arrays] = encode, provenance: Provenance = PROVENANCE) -> None:
    write_store(path, provenance, CLIPS, encoder, COLUMNS)


def levels(name: str) -> Arrays:
    arrays = encode(name)
    level_db = -10.0 * np.array(CLIPS[name], np.float32)
    problem = np.array(["damaged\u2026" if name == "c" else ""])
    return {**arrays, "level_db": level_db, "problem": problem}


class Breaking:
    """Encodes until it comes to an id, as a job that is killed there."""

    def __init__(self, last: str = "") -> None:
        self.last = last
        self.encoded: list[str] = []

    def __call__(self, name: str) -> Arrays:
        if name == self.last:
            raise KeyboardInterrupt
        self.encoded.append(name)
        return encode(name)
