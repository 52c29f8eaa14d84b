"""What the audio streams, PANN's and CLAP's, consume of the configuration. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cli import Settings, UserError
from feature_extractors.encoders.stream import ClipStage

HUB = "hub:"
"""What begins the name of a CLAP checkpoint on the Hugging Face hub: `hub:owner/name`, `hub:owner/name@revision`."""


SETTINGS = ("config.json", "preprocessor_config.json")
STATES = ("model.safetensors", "pytorch_model.bin")
"""The first there is; the published laion/clap-htsat-unfused has only the second."""


@dataclass(frozen=True, kw_only=True)
class PannConfig(Settings):
    """The Cnn14 network; the defaults are the published one."""

    base_channels: int = 64
    """Channels of the first block; each of the six doubles them."""
    embedding_dim: int = 2048
    tags: int = 527
    """AudioSet classes of the tagging head; the features do not use it."""


@dataclass(frozen=True, kw_only=True)
class ClapConfig(Settings):
    """The CLAP stream."""

    mode: Literal["centred", "repeat"] = "centred"
    """What the network hears of a clip: the sound around its centre, or the clip alone, repeated."""
    window_seconds: float = 10.0
    """In mode centred: sound around each clip's centre, zeros beyond either end; the model was trained on 10 s."""

    def heard_seconds(self, clip_seconds: float, model_seconds: float) -> float:
        """Length of the sound that is cut out for each clip, in seconds.

        Raises:
            UserError: it is not what a model for `model_seconds` takes.
        """
        if self.mode == "repeat":
            if clip_seconds > model_seconds:
                raise UserError(f"clap.mode: repeat needs clips of at most {model_seconds:g} s, not {clip_seconds:g}")
            return clip_seconds
        if self.window_seconds != model_seconds:
            raise UserError(
                f"clap.window_seconds: {self.window_seconds:g}, but the checkpoint takes {model_seconds:g} s"
            )
        return self.window_seconds


@dataclass(frozen=True, kw_only=True)
class PannStage(ClipStage):
    """The configuration sections that `pann` consumes."""

    pann: PannConfig
    version: int = 4


@dataclass(frozen=True, kw_only=True)
class ClapStage(ClipStage):
    """The configuration sections that `clap` consumes."""

    clap: ClapConfig
    version: int = 4
