"""From a video table to a store of clip features: the part that all clip streams share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feature_extractors.manifest import Video
from feature_extractors.store import Arrays, Provenance, write_store

ClipFeatures = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Features (rows, dim) and the clip (rows,) that each row describes."""


def encode_videos(
    out: Path,
    provenance: Provenance,
    videos: list[Video],
    encode: Callable[[Video], ClipFeatures],
) -> None:
    """Encode the videos of a table, one after the other, into the store `out`."""
    table = {video.vid: video for video in videos}

    def arrays(vid: str) -> Arrays:
        features, clips = encode(table[vid])
        starts = clips * provenance.clip_seconds
        times = np.stack([starts, starts + provenance.clip_seconds], axis=1).astype(np.float64)
        return {"features": features, "times": times}

    ordered = [table[vid] for vid in sorted(table)]
    columns = {
        "duration_s": np.array([video.duration_s for video in ordered]),
        "n_clips": np.array([video.n_clips for video in ordered]),
        "has_audio": np.array([video.has_audio for video in ordered]),
        "source_sha256": np.array([video.sha256 for video in ordered]),
    }
    write_store(out, provenance, sorted(table), arrays, columns)
