"""What CLIP's two streams consume of the configuration. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cli import Settings, UserError
from feature_extractors.encoders.stream import ClipStage, QueryStage


@dataclass(frozen=True, kw_only=True)
class ClipEncoderConfig(Settings):
    """Which CLIP; shared by the visual and the text stream."""

    architecture: str
    """An open_clip model name. Its activation must be that of the weights: OpenAI's need a -quickgelu name."""
    definition: str = ""
    """JSON file that defines the architecture, where open_clip does not know it; its stem is the name."""
    pretrained: str = ""
    """open_clip's tag of the weights. Empty: the file is recognised by its checksum, or the keys below are needed."""
    activation: Literal["", "gelu", "quick_gelu"] = ""
    """What weights were trained with that open_clip does not know; empty where it or the definition says so."""
    image_mean: tuple[float, ...] = ()
    """Of each colour, 0 to 1, for weights that open_clip does not know; empty: OpenAI's."""
    image_std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for key, values in (("image_mean", self.image_mean), ("image_std", self.image_std)):
            if len(values) not in (0, 3):
                raise UserError(f"clip.{key}: three numbers, one a colour, or none, got {list(values)}")
        if any(value <= 0 for value in self.image_std):
            raise UserError(f"clip.image_std: must be more than 0, got {list(self.image_std)}")


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
class ClipVisualStage(ClipStage):
    """The configuration sections that `clip_visual` consumes."""

    clip: ClipEncoderConfig
    visual: VisualConfig
    version: int = 4


@dataclass(frozen=True, kw_only=True)
class ClipTextStage(QueryStage):
    """The configuration sections that `clip_text` consumes."""

    clip: ClipEncoderConfig
    version: int = 2
