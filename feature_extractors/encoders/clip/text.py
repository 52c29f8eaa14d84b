"""CLIP's text tower as the encoder of the stream `clip_text`: token states after the final norm, and the pooled row."""

from __future__ import annotations

import torch
from torch import Tensor

from feature_extractors.encoders.clip.model import (
    build_clip,
    find_weights,
    project_pooled,
    token_states,
    valid_lengths,
)
from feature_extractors.encoders.clip.settings import ClipTextStage
from feature_extractors.encoders.texts import TextEncoder


def load(stage: ClipTextStage, weights: str, device: torch.device) -> TextEncoder:
    """Load the encoder.

    Raises:
        UserError: as `find_weights` and `build_clip`; or the architecture does not use CLIP's vocabulary.
    """
    file = find_weights("clip", stage.clip.architecture, stage.clip.pretrained, weights)
    clip = build_clip(stage.clip, file)
    clip.network.to(device)

    def tokenise(texts: list[str]) -> tuple[Tensor, Tensor]:
        ids = clip.tokenise(texts)
        return ids, torch.arange(ids.shape[1]) < valid_lengths(ids)[:, None]

    def forward(ids: Tensor) -> tuple[Tensor, Tensor]:
        return token_states(clip.network, ids), project_pooled(clip.network, ids)

    tokenise([""])  # refuses a vocabulary that is not CLIP's before anything is encoded
    return TextEncoder(
        extractor=f"open_clip {stage.clip.architecture} text",
        weights=[file],
        libraries=["open_clip_torch"],
        details=clip.describe_weights(),
        tokenise=tokenise,
        forward=forward,
    )
