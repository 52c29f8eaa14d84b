"""One call from videos or queries to a store, as the verb `encode` does it, on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from feature_extractors.encoders.stream import ClipStage, ClipStream, QueryStage, QueryStream
from formats.video_table import Video

CPU = torch.device("cpu")


def encode_clips(
    stream: ClipStream, stage: ClipStage, videos: list[Video], folder: Path, weights: Path | str, out: Path
) -> None:
    """Encode the clips of videos into the store `out`."""
    stream.load(stage, str(weights), CPU).write(stream.name, stage, videos, folder, out, CPU)


def encode_queries(
    stream: QueryStream, stage: QueryStage, rows: list[dict[str, Any]], weights: Path | str, out: Path
) -> None:
    """Encode queries into the store `out`."""
    stream.load(stage, str(weights), CPU).write(stream.name, stage, rows, out, CPU)
