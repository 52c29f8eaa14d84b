"""SigLIP and SigLIP 2 through open_clip: the streams `siglip_visual` and `siglip_text`.

Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (2023); Tschannen et al., "SigLIP 2" (2025). The text tower
attends to padding and pools at the last of its 64 positions, as it was trained. Rows of padding are not kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cli import Settings, UserError, canonical_json
from cli.errors import one_line
from cli.machine import raise_if_unreadable
from feature_extractors.encoders.stream import (
    ClipStage,
    ClipStream,
    Config,
    QueryStage,
    QueryStream,
    WeightsKey,
    check_definition,
    definition_of,
)

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from feature_extractors.encoders.pictures import PictureEncoder
    from feature_extractors.encoders.texts import TextEncoder

HALF = (0.5, 0.5, 0.5)
"""Mean and standard deviation of the colours in the training of all published SigLIP models."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, kw_only=True)
class SiglipConfig(Settings):
    """Which SigLIP; shared by the visual and the text stream."""

    architecture: str = "ViT-B-16-SigLIP2-256"
    """Name of an open_clip model, such as ViT-B-16-SigLIP2-256."""
    definition: str = ""
    """JSON file that defines the architecture, where open_clip does not know the name; empty otherwise. The file's stem
    is the name."""
    pretrained: str = ""
    """open_clip's tag of the weights, such as webli. Without `weights` they come from its cache, or are downloaded."""

    def __post_init__(self) -> None:
        check_definition("siglip", self.architecture, self.definition)


@dataclass(frozen=True, kw_only=True)
class SiglipVisualConfig(SiglipConfig):
    """The SigLIP visual stream."""

    frames_per_clip: Annotated[int, Field(ge=1)] = 1
    """Frames spread evenly over each clip, whose features are averaged. One is the frame at the clip's centre."""


@dataclass(frozen=True, kw_only=True)
class SiglipTextConfig(SiglipConfig):
    """The SigLIP text stream."""

    tokenizer: str = ""
    """Folder with the tokenizer's files; empty = those that open_clip names, from Hugging Face's cache."""


@dataclass(frozen=True, kw_only=True)
class SiglipSection(SiglipVisualConfig, SiglipTextConfig):
    """SigLIP or SigLIP 2, both towers, through open_clip: the streams siglip_visual and siglip_text."""

    weights: str = ""
    """Checkpoint (.pt, .safetensors). Empty = those of the tag in `pretrained`."""


@dataclass(frozen=True, kw_only=True)
class SiglipVisualStage(ClipStage):
    """The configuration sections that `siglip_visual` consumes."""

    siglip: SiglipVisualConfig
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class SiglipTextStage(QueryStage):
    """The configuration sections that `siglip_text` consumes."""

    siglip: SiglipTextConfig
    version: int = 1


def load_visual(stage: SiglipVisualStage, weights: str, device: torch.device) -> PictureEncoder:
    """Load the visual encoder. Its rows are the joint embedding, not normalised.

    Raises:
        UserError: an architecture that is not SigLIP; weights that are missing, damaged or do not fit.
    """
    from feature_extractors.encoders.pictures import PictureEncoder

    network, preprocess, _, file = _load(stage.siglip, weights)
    return PictureEncoder(
        extractor=f"open_clip {stage.siglip.architecture}",
        weights=[file],
        libraries=["open_clip_torch", "timm", "torchvision"],
        preprocess=preprocess,
        forward=network.to(device).encode_image,
        frames_per_clip=stage.siglip.frames_per_clip,
    )


def load_text(stage: SiglipTextStage, weights: str, device: torch.device) -> TextEncoder:
    """Load the text encoder: token states after the final norm, and the joint embedding as the pooled row, both as is.

    Raises:
        UserError: as `load_visual`; or the tokenizer is missing.
    """
    from feature_extractors.encoders.clip.model import token_states
    from feature_extractors.encoders.texts import TextEncoder

    network, _, text, file = _load(stage.siglip, weights)
    network.to(device)
    tokenizer = _load_tokenizer(stage.siglip, text)
    vocabulary = tokenizer.tokenizer.backend_tokenizer.to_str()

    def tokenise(texts: list[str]) -> tuple[Tensor, Tensor]:
        found = tokenizer.tokenizer(
            [tokenizer.clean_fn(one) for one in texts],
            max_length=tokenizer.context_length,
            padding="max_length",
            truncation=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        is_token = found.attention_mask.bool()
        # A text of only punctuation is cleaned to nothing: keep one row even if the tokenizer adds no end token.
        is_token[:, 0] |= ~is_token.any(dim=1)
        return found.input_ids, is_token

    return TextEncoder(
        extractor=f"open_clip {stage.siglip.architecture} text",
        weights=[file],
        libraries=["open_clip_torch", "tokenizers", "transformers"],
        details=canonical_json({"tokenizer_sha256": hashlib.sha256(vocabulary.encode()).hexdigest()}),
        tokenise=tokenise,
        forward=lambda ids: (token_states(network, ids), network.encode_text(ids)),
    )


def _load(config: SiglipConfig, given: str) -> tuple[Any, Any, dict[str, Any], Path]:
    """The model in evaluation mode, its preprocessing, its definition's `text_cfg`, and the file of its weights."""
    import open_clip
    from open_clip.pretrained import list_pretrained_tags_by_model

    from feature_extractors.encoders.clip.facts import find_tag
    from feature_extractors.encoders.clip.model import define, find_weights, quiet_open_clip
    from feature_extractors.weights.loading import reason

    if config.definition:
        define(Path(config.definition))
    model = open_clip.get_model_config(config.architecture)
    if model is None:
        raise UserError(f"siglip.architecture: open_clip has no model {config.architecture!r}")
    if model["text_cfg"].get("pool_type") != "last" or not model["text_cfg"].get("hf_tokenizer_name"):
        raise UserError(
            f"siglip.architecture: {config.architecture} is not a SigLIP model: use the streams of section clip"
        )
    file = find_weights("siglip", config.architecture, config.pretrained, given)
    if not file.is_file():
        raise UserError(f"{file}: no such weights")
    # All tags of an architecture have the same statistics, so those of a given file are the same.
    tags = [config.pretrained] if config.pretrained else list_pretrained_tags_by_model(config.architecture)
    known = find_tag("siglip", config.architecture, tags[0]) if tags else {}
    with quiet_open_clip():
        try:
            network, _, preprocess = open_clip.create_model_and_transforms(
                config.architecture,
                pretrained=str(file),
                weights_only=True,
                image_mean=known.get("mean", HALF),
                image_std=known.get("std", HALF),
                image_interpolation=known.get("interpolation", "bicubic"),
                image_resize_mode=known.get("resize_mode", "squash"),
            )
        except Exception as problem:  # open_clip does not check the file: a wrong one can raise anything
            raise_if_unreadable(problem, file)
            raise UserError(f"{file}: does not fit {config.architecture}: {reason(problem)}") from None
    return network.eval(), preprocess, model["text_cfg"], file


def _load_tokenizer(config: SiglipTextConfig, text: dict[str, Any]) -> Any:
    """Load open_clip's tokenizer of a model, from a local folder if the settings name one."""
    from open_clip.tokenizer import HFTokenizer

    from feature_extractors.weights.loading import not_cached

    name = config.tokenizer or text["hf_tokenizer_name"]
    try:
        return HFTokenizer(
            name,
            context_length=text.get("context_length", 64),
            trust_remote_code=False,
            **text.get("tokenizer_kwargs", {}),
        )
    except Exception as problem:  # a network, a file or a library can raise anything
        if config.tokenizer:
            raise UserError(f"siglip.tokenizer: {name}: holds no tokenizer ({one_line(problem)})") from None
        files = " and ".join(TOKENIZER_FILES)
        remedy = f"put {files} of huggingface.co/{name} into a folder and set siglip.tokenizer to it"
        raise not_cached("siglip.tokenizer", name, problem, remedy) from None


_DEFINITION = definition_of("siglip")


def _text_files(config: Config) -> list[Path]:
    tokenizer = config["siglip"]["tokenizer"]
    return [*_DEFINITION(config), *(Path(tokenizer, name) for name in TOKENIZER_FILES if tokenizer)]


_WEIGHTS = WeightsKey(section="siglip", settings=SiglipSection, tag="pretrained")
SIGLIP = (
    ClipStream(name="siglip_visual", stage=SiglipVisualStage, load=load_visual, weights=_WEIGHTS, files=_DEFINITION),
    QueryStream(name="siglip_text", stage=SiglipTextStage, load=load_text, weights=_WEIGHTS, files=_text_files),
)
