"""The configuration of CLIP's two streams. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from cli import Settings, UserError
from feature_extractors.encoders.stream import OF_DATASET, ClipStage, QueryStage, check_definition


@dataclass(frozen=True, kw_only=True)
class ClipEncoderConfig(Settings):
    """Which CLIP; shared by the visual and the text stream."""

    architecture: Annotated[str, OF_DATASET] = ""
    """Name of an open_clip model, such as ViT-B-32-quickgelu. Its activation must be that of the weights: OpenAI's need
    a -quickgelu name."""
    definition: Annotated[str, OF_DATASET] = ""
    """JSON file that defines the architecture, where open_clip does not know the name; empty otherwise. The file's stem
    is the name."""
    pretrained: str = ""
    """open_clip's tag of the weights. Without `weights` they come from open_clip's cache, or are downloaded. If empty,
    a file is recognised by its checksum, or `activation` is needed."""
    activation: Literal["", "gelu", "quick_gelu"] = ""
    """Activation of weights that open_clip does not know; empty where it or the definition names it. It must be that of
    the architecture."""
    image_mean: Annotated[tuple[float, ...], Field(max_length=3)] = ()
    """Mean of red, green and blue, 0 to 1, for weights that open_clip does not know; empty = OpenAI's."""
    image_std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(max_length=3)] = ()
    """Standard deviation of red, green and blue, likewise."""

    def __post_init__(self) -> None:
        if not self.architecture:
            raise UserError("clip.architecture is required: the name of an open_clip model")
        check_definition("clip", self.architecture, self.definition)
        for key, values in (("image_mean", self.image_mean), ("image_std", self.image_std)):
            if len(values) not in (0, 3):
                raise UserError(f"clip.{key}: must be three numbers, one per colour, or empty, got {list(values)}")


@dataclass(frozen=True, kw_only=True)
class ClipSection(ClipEncoderConfig):
    """CLIP, both towers, through open_clip."""

    weights: Annotated[str, OF_DATASET] = ""
    """Checkpoint (.pt, .safetensors), or published:clip-vit-b32-openai, published:clip-vit-l14-openai. Empty = those of
    the tag in `pretrained`."""


@dataclass(frozen=True, kw_only=True)
class VisualConfig(Settings):
    """The stream clip_visual."""

    output: Literal["projected", "pre_projection"] = "projected"
    """The joint embedding, or of a ViT the pooled state before its projection. ViT-B/32: 512 or 768 columns, ViT-L/14:
    768 or 1024."""
    frames_per_clip: Annotated[int, Field(ge=1)] = 1
    """Frames spread evenly over each clip, whose features are averaged. One is the frame at the clip's centre."""


@dataclass(frozen=True, kw_only=True)
class ClipVisualStage(ClipStage):
    """The configuration sections that `clip_visual` consumes."""

    clip: ClipEncoderConfig
    visual: VisualConfig
    version: int = 5


@dataclass(frozen=True, kw_only=True)
class ClipTextStage(QueryStage):
    """The configuration sections that `clip_text` consumes."""

    clip: ClipEncoderConfig
    version: int = 3
