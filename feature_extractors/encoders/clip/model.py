"""Build CLIP, both towers, through open_clip: architecture by name or definition file, weights from a file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.pretrained import download_pretrained
from PIL.Image import Image
from torch import Tensor

from cli import UserError, canonical_json
from cli.machine import raise_if_unreadable
from feature_extractors.encoders.clip.facts import ClipFacts, find_tag, settle
from feature_extractors.encoders.clip.script_archive import is_script, read_published_script
from feature_extractors.encoders.clip.settings import ClipEncoderConfig
from feature_extractors.fingerprints import digest_of
from feature_extractors.weights.loading import not_cached, reason
from formats.rows import read_object

OTHER_TEXTS = ("hf_tokenizer_name", "hf_model_name")
"""Keys of an open_clip definition that name another tokenizer than CLIP's."""


@dataclass(frozen=True)
class ClipModel:
    """A CLIP model in evaluation mode, with its preprocessing, tokenizer and facts.

    Attributes:
        network: open_clip's model.
        preprocess: one PIL picture to the architecture's input (3, height, width), normalised as the weights were
            trained.
        tokenise: texts to token ids (B, context); UserError for an architecture whose tokenizer is not CLIP's.
        facts: what the weights were trained with; None without weights.
    """

    network: open_clip.CLIP
    preprocess: Callable[[Image], Tensor]
    tokenise: Callable[[list[str]], Tensor]
    facts: ClipFacts | None

    def describe_weights(self) -> str:
        """Canonical JSON of the facts, for a store's attributes."""
        return canonical_json(self.facts.to_dict()) if self.facts else ""


def find_weights(section: str, architecture: str, pretrained: str, given: str) -> Path:
    """The file of open_clip weights: the given one, or that of the tag `pretrained` in open_clip's cache.

    open_clip downloads weights that are not in its cache.

    Args:
        section: of the configuration, for messages.

    Raises:
        UserError: neither is given, the tag is unknown, or its weights are not in the cache and cannot be downloaded.
    """
    if given:
        return Path(given)
    if not pretrained:
        raise UserError(f"{section}.weights: give a file, or the tag of open_clip's weights in {section}.pretrained")
    known = find_tag(section, architecture, pretrained)
    with quiet_open_clip():
        try:
            return Path(download_pretrained(known))
        except Exception as problem:  # a network can raise anything
            source = f"huggingface.co/{known['hf_hub']}" if known["hf_hub"] else known["url"]
            what = f"{pretrained} for {architecture}"
            remedy = f"get it from {source} elsewhere and set {section}.weights to the file"
            raise not_cached(f"{section}.pretrained", what, problem, remedy) from None


def build_clip(config: ClipEncoderConfig, weights: Path | None) -> ClipModel:
    """Build the model and load its weights; `weights` None leaves open_clip's random initialisation.

    Raises:
        UserError: the architecture is unknown, the file does not fit it, or its weights were trained with another
            activation.
    """
    if config.definition:
        define(Path(config.definition))
    model = open_clip.get_model_config(config.architecture)
    if model is None:
        raise UserError(f"clip.architecture: open_clip has no model {config.architecture!r}")
    facts, archive = None, None
    if weights is not None:
        if not weights.is_file():
            raise UserError(f"{weights}: no such weights")
        sha256 = digest_of(weights)
        facts = settle(config, model, str(weights), sha256)
        archive = read_published_script(weights, sha256) if is_script(weights) else None
    with quiet_open_clip():
        try:
            network, _, preprocess = open_clip.create_model_and_transforms(
                config.architecture,
                pretrained=str(weights) if weights and archive is None else None,
                weights_only=True,
                image_mean=facts.image_mean if facts else None,
                image_std=facts.image_std if facts else None,
                image_interpolation=facts.interpolation if facts else None,
                image_resize_mode=facts.resize_mode if facts else None,
            )
            if archive is not None:
                network.load_state_dict(archive)
            tokenise = _tokeniser(config.architecture, model)
        except Exception as problem:  # open_clip checks neither file: a wrong one can raise anything
            file = weights or config.definition
            raise_if_unreadable(problem, Path(file))
            raise UserError(f"{file}: does not fit {config.architecture}: {reason(problem)}") from None
    return ClipModel(network.eval(), preprocess, tokenise, facts)


def _tokeniser(architecture: str, model: Mapping[str, Any]) -> Callable[[list[str]], Tensor]:
    """CLIP's tokenizer. For an architecture with another one, a function that raises UserError: images need none.

    The length of a text is found from CLIP's end token, which has the largest id. Other vocabularies differ.
    """
    other = next((model["text_cfg"][key] for key in OTHER_TEXTS if model["text_cfg"].get(key)), "")
    tokeniser = None if other else open_clip.get_tokenizer(architecture)
    # Two special tokens at the end of the vocabulary: where a text begins, and, with the largest id, where it ends.
    if isinstance(tokeniser, open_clip.SimpleTokenizer) and tokeniser.eot_token_id == tokeniser.vocab_size - 1:
        tokenise: Callable[[list[str]], Tensor] = tokeniser
        return tokenise

    def refuse(texts: list[str]) -> Tensor:
        named = f"{other!r}" if other else type(tokeniser).__name__
        hint = (
            "use the stream siglip_text (section siglip)" if "siglip" in architecture.lower() else "choose another one"
        )
        raise UserError(
            f"clip.architecture: {architecture} uses the tokenizer {named} instead of CLIP's, so the end of a text "
            f"would be found wrongly: {hint}"
        )

    return refuse


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


def define(definition: Path) -> None:
    """Add an architecture to those of open_clip.

    Raises:
        UserError: the file does not exist or is not a definition.
    """
    if not definition.is_file():
        raise UserError(f"{definition}: no such CLIP definition")
    # Read here first: a file that is not JSON stays in open_clip's list and breaks every later model.
    content = read_object(definition)
    if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(content):
        raise UserError(f"{definition}: not a CLIP definition: needs embed_dim, vision_cfg and text_cfg")
    open_clip.add_model_config(definition)


@contextmanager
def quiet_open_clip() -> Iterator[None]:
    """Keep open_clip's reports off the log.

    It reports each step on the root logger, and warns there if no pretrained weights are named, which is intended
    here.
    """

    def is_ours(record: logging.LogRecord) -> bool:
        return "open_clip" not in record.pathname

    logging.getLogger().addFilter(is_ours)
    try:
        yield
    finally:
        logging.getLogger().removeFilter(is_ours)
