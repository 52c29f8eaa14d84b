"""Synthetic rows; nothing comes from a published dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from tests.eval.gate_logs import make_gate_rows

Rows = list[dict[str, Any]]
# The same examples in every run, and no file of failed examples in the checkout.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")


def make_queries(count: int, seed: int = 0) -> tuple[Rows, Rows]:
    """Predictions and ground truth with everything that the metrics distinguish: ties, duplicates, all lengths."""
    random = np.random.default_rng(seed)
    predictions, truth = [], []
    for qid in range(count):
        clips = int(random.integers(20, 76))
        # Windows without overlap, so that their union matches the clip ids.
        edges = np.sort(random.choice(clips + 1, size=2 * int(random.integers(1, 5)), replace=False)).reshape(-1, 2)
        ids = [clip for start, end in edges for clip in range(start, end)]
        truth.append(
            {
                "qid": qid,
                "query": f"query {qid}",
                "vid": f"video{qid // 2}",
                "duration": 2 * clips,
                "relevant_windows": (2 * edges).tolist(),
                "relevant_clip_ids": ids,
                "saliency_scores": random.integers(0, 5, size=(len(ids), 3)).tolist(),
                "modality": ("visual", "audio", "joint")[qid % 3],
                "audio_informative": qid % 3 > 0,
            }
        )
        starts = random.integers(0, clips - 1, size=(10, 1))
        windows = 2.0 * np.hstack([starts, np.minimum(starts + random.integers(0, 30, size=(10, 1)), clips)])
        for place in random.integers(0, 10, size=4):  # near a relevant window, or on it
            windows[place] = 2.0 * edges[random.integers(len(edges))] + [0.0, float(random.integers(0, 3))]
        scores = np.sort(random.integers(0, 6, size=(10, 1)), axis=0)[::-1] / 5
        length = clips + int(random.integers(-2, 3))
        predictions.append(
            {
                "qid": qid,
                "query": f"query {qid}",
                "vid": f"video{qid // 2}",
                "pred_relevant_windows": np.hstack([windows, scores]).tolist(),
                "pred_saliency_scores": (random.integers(-9, 4, size=length) / 4).tolist(),
            }
        )
    return predictions, truth


@pytest.fixture
def queries() -> Callable[..., tuple[Rows, Rows]]:
    return make_queries


@pytest.fixture
def gate_rows() -> Callable[..., Rows]:
    return make_gate_rows


def png_size(path: Path) -> tuple[int, int]:
    """Width and height from a PNG's header."""
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(header[16:20]), int.from_bytes(header[20:24])


@pytest.fixture(name="png_size")
def png_size_fixture() -> Callable[[Path], tuple[int, int]]:
    return png_size
