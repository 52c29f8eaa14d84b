"""CLIP text features: token states after the final norm with their true length, and the pooled embedding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cli import Settings
from feature_extractors import CODE_VERSION
from feature_extractors.encoders.clip.facts import ClipEncoderConfig
from feature_extractors.encoders.clip.model import build_clip, project_pooled, token_states, valid_lengths
from feature_extractors.encoders.device import describe_device
from feature_extractors.encoders.engine import FULL_PRECISION, EncodingConfig, as_stored, library_versions
from feature_extractors.fingerprints import fingerprint
from formats.rows import Row
from formats.store import Arrays, Provenance, write_groups

BATCH = 32
"""Queries encoded together, in the order of the annotations; a killed job goes on with the next so many."""
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class TextStage(Settings):
    """The configuration sections that `text` consumes."""

    clip: ClipEncoderConfig
    encoding: EncodingConfig = FULL_PRECISION
    version: int = CODE_VERSION["text"]


def extract(stage: TextStage, queries: list[Row], weights: Path, out: Path, device: torch.device = CPU) -> None:
    """Encode queries into the store `out`; its ids are the qids."""
    clip = build_clip(stage.clip, weights)
    clip.network.to(device)
    provenance = Provenance(
        stream="clip_text",
        extractor=f"open_clip {stage.clip.architecture} text",
        weights_sha256=fingerprint([weights]),
        config=stage.to_json(),
        clip_seconds=0.0,
        libraries=library_versions("numpy", "open_clip_torch", "torch"),
        device=describe_device(device),
        details=clip.describe_weights(),
    )
    texts = {str(row["qid"]): row["query"] for row in queries}
    precision = getattr(torch, stage.encoding.precision)

    def produce(pending: list[list[str]]) -> Iterator[tuple[str, Arrays]]:
        for group in pending:
            ids = clip.tokenise([texts[qid] for qid in group]).to(device)
            with (
                torch.inference_mode(),
                torch.autocast(device.type, precision, enabled=precision != torch.float32),
            ):
                states = token_states(clip.network, ids).float().cpu().numpy()
                pooled = project_pooled(clip.network, ids).float().cpu().numpy()
            for place, (qid, length) in enumerate(zip(group, valid_lengths(ids).tolist(), strict=True)):
                yield (
                    qid,
                    {
                        "tokens": as_stored(states[place, :length], stage.encoding),
                        "pooled": as_stored(pooled[place : place + 1], stage.encoding),
                    },
                )

    qids = list(texts)
    groups = [qids[first : first + BATCH] for first in range(0, len(qids), BATCH)]
    columns = {"query": np.array(list(texts.values()), dtype=np.str_)}
    write_groups(out, provenance, groups, produce, columns)
