"""DINOv2 and other plain ViTs through timm, frame by frame: the stream `dino_visual`.

Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision" (2023). The preprocessing is timm's own for
the model. timm interpolates the position embeddings if images have another size than in training.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from cli import Settings, UserError
from cli.errors import one_line
from feature_extractors.encoders.stream import ClipStage, ClipStream, WeightsKey

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from feature_extractors.encoders.pictures import PictureEncoder


@dataclass(frozen=True, kw_only=True)
class DinoConfig(Settings):
    """Which ViT of timm, and what is kept of a picture."""

    architecture: str = "vit_small_patch14_dinov2"
    """Name of a ViT of timm, without a tag, such as vit_small_patch14_dinov2."""
    pretrained: str = ""
    """timm's tag of the weights, such as lvd142m. Without `weights` they come from Hugging Face's cache, or are
    downloaded."""
    output: Literal["cls", "patches", "both"] = "cls"
    """What is kept of the states after the final norm: the class token (cls), the mean of the patch tokens (patches),
    or the two joined (both)."""
    frames_per_clip: Annotated[int, Field(ge=1)] = 1
    """Frames spread evenly over each clip, whose features are averaged. One is the frame at the clip's centre."""
    image_size: Annotated[int, Field(ge=0)] = 0
    """Height and width of the network's input in pixels, a multiple of its patch size; 0 = the model's own."""


@dataclass(frozen=True, kw_only=True)
class DinoSection(DinoConfig):
    """The stream dino_visual: DINOv2 and other plain ViTs, through timm."""

    weights: str = ""
    """Checkpoint (.pth, .safetensors). Empty = those of the tag in `pretrained`."""


@dataclass(frozen=True, kw_only=True)
class DinoStage(ClipStage):
    """The configuration sections that `dino_visual` consumes."""

    dino: DinoConfig
    version: int = 1


def load(stage: DinoStage, weights: str, device: torch.device) -> PictureEncoder:
    """Load the encoder.

    Raises:
        UserError: an architecture without such tokens; weights that are missing, damaged or do not fit.
    """
    import torch
    from timm.data.config import resolve_data_config
    from timm.data.transforms_factory import create_transform

    from feature_extractors.encoders.pictures import PictureEncoder

    config = stage.dino
    name = f"{config.architecture}.{config.pretrained}" if config.pretrained else config.architecture
    network = _build(config, name)
    file = Path(weights) if weights else _find_weights(config, network.pretrained_cfg)
    _load_weights(network, file, name)
    network.eval().to(device)
    size: dict[str, Any] = {"input_size": (3, *network.patch_embed.img_size)}
    recipe = resolve_data_config(size, pretrained_cfg=network.pretrained_cfg)

    def forward(pictures: Tensor) -> Tensor:
        states = network.forward_features(pictures)
        patches = states[:, network.num_prefix_tokens :].mean(dim=1)
        rows = {"cls": [states[:, 0]], "patches": [patches], "both": [states[:, 0], patches]}
        return torch.cat(rows[config.output], dim=1)

    return PictureEncoder(
        extractor=f"timm {name} {config.output}",
        weights=[file],
        libraries=["timm", "torchvision"],
        preprocess=create_transform(**recipe, is_training=False),
        forward=forward,
        frames_per_clip=config.frames_per_clip,
    )


def _build(config: DinoConfig, name: str) -> Any:
    """The network with random weights and without a head."""
    import timm

    size: dict[str, Any] = {"img_size": config.image_size} if config.image_size else {}
    try:
        network = timm.create_model(name, pretrained=False, num_classes=0, **size)
    except Exception as problem:  # an unknown name or tag, or a network without a size option
        raise UserError(f"dino.architecture: timm cannot create {name}: {one_line(problem)}") from None
    patches: Any = getattr(network, "patch_embed", None)
    if not getattr(patches, "img_size", None) or not hasattr(network, "num_prefix_tokens"):
        raise UserError(f"dino.architecture: {name} is not a ViT: it has no patch tokens")
    if config.output != "patches" and getattr(network, "cls_token", None) is None:
        raise UserError(f"dino.output: {name} has no class token: set it to patches")
    height, width = patches.patch_size
    if config.image_size % height or config.image_size % width:
        raise UserError(f"dino.image_size: must be a multiple of {height}, got {config.image_size}")
    return network


def _find_weights(config: DinoConfig, known: dict[str, Any]) -> Path:
    """Find the file of the tag in Hugging Face's cache, or download it."""
    from huggingface_hub import hf_hub_download

    from feature_extractors.weights.loading import not_cached

    if not config.pretrained or not known.get("hf_hub_id"):
        raise UserError("dino.weights: give a file, or timm's tag of published weights in dino.pretrained")
    source, file = known["hf_hub_id"], known.get("hf_hub_filename") or "model.safetensors"
    try:
        return Path(hf_hub_download(source, file))
    except Exception as problem:  # a network can raise anything
        what = f"{config.pretrained} for {config.architecture}"
        remedy = f"get {file} from huggingface.co/{source} elsewhere and set dino.weights to the file"
        raise not_cached("dino.pretrained", what, problem, remedy) from None


def _load_weights(network: Any, file: Path, name: str) -> None:
    """Load a state dict, in timm's names or in those of the original release, which timm's own module translates."""
    from feature_extractors.weights.loading import load_checkpoint, reason

    state = load_checkpoint(file)
    translate = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    try:
        state = translate(state, network) if translate else state
        network.load_state_dict({key: value for key, value in state.items() if not key.startswith("head.")})
    except Exception as problem:  # weights of another network can raise almost anything
        raise UserError(f"{file}: does not fit {name}: {reason(problem)}") from None


DINO = (
    ClipStream(
        name="dino_visual",
        stage=DinoStage,
        load=load,
        weights=WeightsKey(section="dino", settings=DinoSection, tag="pretrained"),
    ),
)
