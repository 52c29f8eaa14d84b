"""CLIP text features: token states after the final norm with their true length, and the pooled embedding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cli import Settings
from cli.files import Row
from feature_extractors import CODE_VERSION
from feature_extractors.clip_facts import ClipModelConfig
from feature_extractors.clip_model import build_clip, project_pooled, token_states, valid_lengths
from feature_extractors.store import Arrays, Provenance, write_store
from feature_extractors.weights import fingerprint


@dataclass(frozen=True, kw_only=True)
class TextStage(Settings):
    """The configuration sections that `text` consumes."""

    clip: ClipModelConfig
    version: int = CODE_VERSION["text"]


def extract(stage: TextStage, queries: list[Row], weights: Path, out: Path) -> None:
    """Encode queries into the store `out`; its ids are the qids."""
    clip = build_clip(stage.clip, weights)
    provenance = Provenance(
        stream="clip_text",
        extractor=f"open_clip {stage.clip.architecture} text",
        weights_sha256=fingerprint([weights]),
        config=stage.to_json(),
        clip_seconds=0.0,
        details=clip.describe_weights(),
    )
    texts = {str(row["qid"]): row["query"] for row in queries}

    def encode(qid: str) -> Arrays:
        ids = clip.tokenise([texts[qid]])
        with torch.inference_mode():
            states = token_states(clip.network, ids)[0, : int(valid_lengths(ids)[0])]
            pooled = project_pooled(clip.network, ids)
        return {"tokens": states.float().numpy(), "pooled": pooled.float().numpy()}

    columns = {"query": np.array(list(texts.values()), dtype=np.str_)}
    write_store(out, provenance, texts, encode, columns)
