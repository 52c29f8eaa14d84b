"""CLIP image features: one row a clip, from the frame shown at its centre or several spread over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor, nn

from cli import Settings, UserError
from feature_extractors import CODE_VERSION
from feature_extractors.encoders.clip.facts import ClipEncoderConfig
from feature_extractors.encoders.clip.model import build_clip
from feature_extractors.encoders.device import describe_device
from feature_extractors.encoders.engine import (
    FULL_PRECISION,
    Encoder,
    EncodingConfig,
    Piece,
    encode_videos,
    library_versions,
)
from feature_extractors.fingerprints import fingerprint
from feature_extractors.media import Problems, frames_of_clips
from formats.grid import ClipGrid
from formats.store import Provenance
from formats.video_table import Video

BATCH = 64
"""Pictures encoded at a time: an hour of video has 1,800, too many for memory."""
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class VisualConfig(Settings):
    """The CLIP visual stream."""

    output: Literal["projected", "pre_projection"] = "projected"
    """The joint embedding (ViT-B/32: 512), or of a ViT the pooled state before its projection (ViT-L/14: 1024)."""
    frames_per_clip: int = 1
    """Frames spread evenly over a clip whose features are averaged; one is that at the clip's centre."""

    def __post_init__(self) -> None:
        if self.frames_per_clip < 1:
            raise UserError(f"visual.frames_per_clip: must be at least 1, got {self.frames_per_clip}")


@dataclass(frozen=True, kw_only=True)
class VisualStage(Settings):
    """The configuration sections that `visual` consumes."""

    clips: ClipGrid
    clip: ClipEncoderConfig
    visual: VisualConfig
    encoding: EncodingConfig = FULL_PRECISION
    version: int = CODE_VERSION["visual"]


def extract(
    stage: VisualStage,
    videos: list[Video],
    folder: Path,
    weights: Path,
    out: Path,
    device: torch.device = CPU,
) -> None:
    """Encode the videos of a table into the store `out`."""
    clip = build_clip(stage.clip, weights)
    if stage.visual.output == "pre_projection":
        _leave_out_projection(clip.network, stage.clip.architecture)
    clip.network.to(device)
    provenance = Provenance(
        stream="clip_visual",
        extractor=f"open_clip {stage.clip.architecture} {stage.visual.output}",
        weights_sha256=fingerprint([weights]),
        config=stage.to_json(),
        clip_seconds=stage.clips.seconds,
        libraries=library_versions("av", "numpy", "open_clip_torch", "pillow", "torch", "torchvision"),
        device=describe_device(device),
        details=clip.describe_weights(),
    )

    def network(pictures: Tensor) -> Tensor:
        rows: Tensor = clip.network.encode_image(pictures, normalize=False)
        return rows

    def decode(video: Video, problems: Problems) -> Iterator[Piece]:
        file, per_clip = folder / video.file, stage.visual.frames_per_clip
        pictures = frames_of_clips(file, video.n_clips, stage.clips.seconds, per_clip, problems, video.start_s)
        for number, picture in pictures:
            yield Piece(number, clip.preprocess(Image.fromarray(picture)).numpy())

    with torch.inference_mode():
        blank = clip.preprocess(Image.new("RGB", (8, 8))).to(device)
        dim = network(blank[None]).shape[1]
    encode_videos(out, provenance, videos, folder, decode, Encoder(network, device, stage.encoding, BATCH, dim))


def _leave_out_projection(network: nn.Module, architecture: str) -> None:
    """Make the picture tower give its pooled state.

    Raises:
        UserError: a tower whose projection is part of something else (ResNet's attention pool, a timm tower's head).
    """
    tower: Any = network.visual
    if not isinstance(getattr(tower, "proj", None), nn.Parameter):
        raise UserError(
            f"visual.output: pre_projection is not to be had of {architecture}, whose picture tower "
            f"({type(tower).__name__}) has no projection that stands alone: set it to projected, or take one of "
            "open_clip's own ViTs"
        )
    tower.proj = None
