"""CLIP's image tower as the encoder of the stream `clip_visual`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cli import UserError
from feature_extractors.encoders.clip.model import build_clip, find_weights
from feature_extractors.encoders.clip.settings import ClipVisualStage
from feature_extractors.encoders.pictures import PictureEncoder


def load(stage: ClipVisualStage, weights: str, device: torch.device) -> PictureEncoder:
    """Load the encoder. Its rows are the joint embedding or the pooled state before the projection, not normalised.

    Raises:
        UserError: as `find_weights` and `build_clip`; or the model has no separate projection.
    """
    file = find_weights("clip", stage.clip.architecture, stage.clip.pretrained, weights)
    clip = build_clip(stage.clip, file)
    if stage.visual.output == "pre_projection":
        _leave_out_projection(clip.network, stage.clip.architecture)
    clip.network.to(device)

    def forward(pictures: Tensor) -> Tensor:
        rows: Tensor = clip.network.encode_image(pictures, normalize=False)
        return rows

    return PictureEncoder(
        extractor=f"open_clip {stage.clip.architecture} {stage.visual.output}",
        weights=[file],
        libraries=["open_clip_torch", "torchvision"],
        details=clip.describe_weights(),
        preprocess=clip.preprocess,
        forward=forward,
        frames_per_clip=stage.visual.frames_per_clip,
    )


def _leave_out_projection(network: nn.Module, architecture: str) -> None:
    """Make the image tower return its pooled state.

    Raises:
        UserError: a tower whose projection is part of something else (ResNet's attention pool, a timm tower's head).
    """
    tower: Any = network.visual
    if not isinstance(getattr(tower, "proj", None), nn.Parameter):
        raise UserError(
            f"visual.output: pre_projection is not available for {architecture}: its image tower "
            f"({type(tower).__name__}) has no separate projection: set it to projected, or use one of open_clip's own "
            "ViTs"
        )
    tower.proj = None
