"""CLIP image features: one row a clip, from the frame shown at the clip's centre."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from cli import Settings
from feature_extractors import CODE_VERSION
from feature_extractors.clip_facts import ClipModelConfig
from feature_extractors.clip_model import ClipModel, build_clip
from feature_extractors.decode import frames_at
from feature_extractors.encoding import ClipFeatures, encode_videos
from feature_extractors.manifest import ClipConfig, Video
from feature_extractors.store import Provenance
from feature_extractors.weights import fingerprint

BATCH = 64
"""Pictures encoded at a time: an hour of video has 1,800, too many for memory."""


@dataclass(frozen=True, kw_only=True)
class VisualConfig(Settings):
    """The CLIP visual stream."""

    output: Literal["projected", "pre_projection"] = "projected"
    """The joint embedding (ViT-B/32: 512), or the pooled state before the projection (ViT-L/14: 1024)."""


@dataclass(frozen=True, kw_only=True)
class VisualStage(Settings):
    """The configuration sections that `visual` consumes."""

    clips: ClipConfig
    clip: ClipModelConfig
    visual: VisualConfig
    version: int = CODE_VERSION["visual"]


def extract(stage: VisualStage, videos: list[Video], folder: Path, weights: Path, out: Path) -> None:
    """Encode the videos of a table into the store `out`."""
    clip = build_clip(stage.clip, weights)
    if stage.visual.output == "pre_projection":
        clip.network.visual.proj = None
    provenance = Provenance(
        stream="clip_visual",
        extractor=f"open_clip {stage.clip.architecture} {stage.visual.output}",
        weights_sha256=fingerprint([weights]),
        config=stage.to_json(),
        clip_seconds=stage.clips.seconds,
        details=clip.describe_weights(),
    )

    def encode(video: Video) -> ClipFeatures:
        centres = [(clip_index + 0.5) * stage.clips.seconds for clip_index in range(video.n_clips)]
        return encode_pictures(clip, frames_at(folder / video.file, centres)), np.arange(video.n_clips)

    encode_videos(out, provenance, videos, encode)


def encode_pictures(clip: ClipModel, pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Features (n, dim) of n RGB pictures of any size, not normalised. Holds one batch of pictures at a time."""
    coming = (clip.preprocess(Image.fromarray(picture)) for picture in pictures)
    features = []
    while batch := list(islice(coming, BATCH)):
        with torch.inference_mode():
            features.append(clip.network.encode_image(torch.stack(batch), normalize=False).float())
    return torch.cat(features).numpy()
