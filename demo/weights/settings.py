"""How the demo's weights are drawn: the configuration sections that each encoder consumes. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from cli import Settings
from demo import CODE_VERSION
from feature_extractors.encoders.audio.settings import PannConfig
from feature_extractors.encoders.clip.settings import ClipEncoderConfig


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Settings):
    """How the demo's weights are drawn."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 1
    """Seed of the weights and of the media that they are calibrated on."""


@dataclass(frozen=True, kw_only=True)
class ClipWeights(Settings):
    """The configuration sections that the demo's CLIP consumes."""

    demo_encoders: EncoderConfig
    clip: ClipEncoderConfig
    version: int = CODE_VERSION["weights"]


@dataclass(frozen=True, kw_only=True)
class PannWeights(Settings):
    """The configuration sections that the demo's PANN consumes."""

    demo_encoders: EncoderConfig
    pann: PannConfig
    version: int = CODE_VERSION["weights"]


@dataclass(frozen=True, kw_only=True)
class ClapWeights(Settings):
    """The configuration sections that the demo's CLAP consumes."""

    demo_encoders: EncoderConfig
    version: int = CODE_VERSION["weights"]
