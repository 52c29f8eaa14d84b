"""The CLIP model of both towers, through open_clip: architecture by name or definition file, weights from a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
from PIL.Image import Image
from torch import Tensor

from cli import Settings, UserError
from feature_extractors.weights import reason


@dataclass(frozen=True, kw_only=True)
class ClipModelConfig(Settings):
    """Which CLIP; shared by the visual and the text stream."""

    architecture: str
    """An open_clip model name. A file of weights does not say its activation: OpenAI's need a -quickgelu name."""
    definition: str = ""
    """JSON file that defines the architecture, where open_clip does not know it; its stem is the name."""


@dataclass(frozen=True)
class ClipModel:
    """A CLIP in evaluation mode with what belongs to it.

    Attributes:
        network: open_clip's model.
        preprocess: one PIL picture to the architecture's input (3, height, width), with OpenAI's mean and deviation.
        tokenise: texts to token ids (B, context).
    """

    network: open_clip.CLIP
    preprocess: Callable[[Image], Tensor]
    tokenise: Callable[[list[str]], Tensor]


def build_clip(config: ClipModelConfig, weights: Path | None) -> ClipModel:
    """Build the model and load its weights; `weights` None leaves open_clip's random initialisation.

    Raises:
        UserError: the architecture is unknown, or the file does not fit it.
    """
    if config.definition:
        _define(Path(config.definition))
    if config.architecture not in open_clip.list_models():
        raise UserError(f"clip.architecture: open_clip knows no model {config.architecture!r}")
    if weights is not None and not weights.is_file():
        raise UserError(f"{weights}: no such weights")
    # open_clip reports each step on the root logger, and warns there that no pretrained weights were named, which is
    # meant where it happens here.
    logging.getLogger().addFilter(_is_ours)
    try:
        network, _, preprocess = open_clip.create_model_and_transforms(
            config.architecture, pretrained=str(weights) if weights else None, weights_only=True
        )
        tokenise = open_clip.get_tokenizer(config.architecture)
    except Exception as problem:  # open_clip checks neither file: what does not fit ends in almost any exception
        file = weights or config.definition
        raise UserError(f"{file}: does not fit {config.architecture}: {reason(problem)}") from None
    finally:
        logging.getLogger().removeFilter(_is_ours)
    return ClipModel(network.eval(), preprocess, tokenise)


def token_states(network: open_clip.CLIP, ids: Tensor) -> Tensor:
    """Text states after the final norm, not projected: (B, context, width)."""
    found = network.forward_intermediates(
        text=ids, text_indices=1, normalize_intermediates=True, text_output_fmt="NLC", intermediates_only=True
    )
    states: Tensor = found["text_intermediates"][-1]
    return states


def valid_lengths(ids: Tensor) -> Tensor:
    """Tokens up to and including the end token (the largest id), (B,).

    Counting non-zero ids would be wrong: id 0 is "!" in CLIP's vocabulary.
    """
    return ids.argmax(dim=1) + 1


def project_pooled(network: open_clip.CLIP, ids: Tensor) -> Tensor:
    """Pooled projected text, (B, joint width), not normalised."""
    with torch.no_grad():
        pooled: Tensor = network.encode_text(ids, normalize=False)
    return pooled


def _define(definition: Path) -> None:
    """Add an architecture to those that open_clip knows."""
    if not definition.is_file():
        raise UserError(f"{definition}: no such CLIP definition")
    try:
        # Read here first: a file that is not JSON stays in open_clip's list and breaks every later model.
        content = json.loads(definition.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise UserError(f"{definition}: not JSON: {problem}") from None
    if not isinstance(content, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(content):
        raise UserError(f"{definition}: not a CLIP definition: needs embed_dim, vision_cfg and text_cfg")
    open_clip.add_model_config(definition)


def _is_ours(record: logging.LogRecord) -> bool:
    return "open_clip" not in record.pathname
