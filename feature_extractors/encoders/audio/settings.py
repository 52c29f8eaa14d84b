"""The configuration of the audio streams, PANN and CLAP. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from cli import Settings, UserError
from feature_extractors.encoders.stream import OF_DATASET, ClipStage

HUB = "hub:"
"""Prefix of a CLAP checkpoint on the Hugging Face hub: `hub:owner/name` or `hub:owner/name@revision`."""


SETTINGS = ("config.json", "preprocessor_config.json")
STATES = ("model.safetensors", "pytorch_model.bin")
"""The first one that exists is read; the published laion/clap-htsat-unfused has only the second."""


@dataclass(frozen=True, kw_only=True)
class PannConfig(Settings):
    """The Cnn14 network; the defaults are the published one."""

    base_channels: Annotated[int, Field(ge=1), OF_DATASET] = 64
    """Channels of the first block; the published network has 64. Each of the six blocks doubles them."""
    embedding_dim: Annotated[int, Field(ge=1), OF_DATASET] = 2048
    """Width of the embedding; the published network has 2048."""
    tags: SkipJsonSchema[int] = 527
    """AudioSet classes of the tagging head. No key of config.yaml: the features do not use it."""


@dataclass(frozen=True, kw_only=True)
class PannSection(PannConfig):
    """The stream pann: PANN's Cnn14."""

    weights: Annotated[str, OF_DATASET] = ""
    """Checkpoint in the published format, or published:pann-cnn14."""


@dataclass(frozen=True, kw_only=True)
class ClapConfig(Settings):
    """The CLAP stream."""

    mode: Literal["centred", "repeat"] = "centred"
    """What the network hears of a clip: the sound around its centre, or the clip alone, repeated to fill the window."""
    window_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10.0
    """Seconds of sound around each clip's centre, in mode centred. Beyond either end of the video there are zeros. It
    must be the length that the checkpoint was trained on; the published one takes 10 s."""

    def heard_seconds(self, clip_seconds: float, model_seconds: float) -> float:
        """Length of the sound that is cut out for each clip, in seconds.

        Raises:
            UserError: a model for `model_seconds` does not take this length.
        """
        if self.mode == "repeat":
            if clip_seconds > model_seconds:
                raise UserError(f"clap.mode: repeat needs clips of at most {model_seconds:g} s, got {clip_seconds:g}")
            return clip_seconds
        if self.window_seconds != model_seconds:
            raise UserError(
                f"clap.window_seconds: the checkpoint takes {model_seconds:g} s, got {self.window_seconds:g}"
            )
        return self.window_seconds


@dataclass(frozen=True, kw_only=True)
class ClapSection(ClapConfig):
    """The stream clap: CLAP, through transformers."""

    weights: Annotated[str, OF_DATASET] = ""
    """Folder of a transformers checkpoint, or published:clap-htsat-unfused, or hub:owner/name. The folder holds
    config.json, preprocessor_config.json and model.safetensors or pytorch_model.bin; `hub:` is Hugging Face's cache."""


@dataclass(frozen=True, kw_only=True)
class PannStage(ClipStage):
    """The configuration sections that `pann` consumes."""

    pann: PannConfig
    version: int = 6


@dataclass(frozen=True, kw_only=True)
class ClapStage(ClipStage):
    """The configuration sections that `clap` consumes."""

    clap: ClapConfig
    version: int = 6
