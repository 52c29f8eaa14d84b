"""The activation and colour statistics that CLIP weights were trained with, which a file of weights does not tell.

Wrong values give wrong features without any error. They are taken from the first of these that is known: the open_clip
tag that the configuration names, the checksum in open_clip's own table of published files, the configuration's keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from open_clip import list_models
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.pretrained import get_pretrained_cfg, get_pretrained_url, list_pretrained, list_pretrained_tags_by_model

from cli import UserError
from feature_extractors.encoders.clip.settings import ClipEncoderConfig

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class ClipFacts:
    """The facts that weights were trained with, and their source."""

    activation: str
    image_mean: Rgb
    image_std: Rgb
    interpolation: str
    resize_mode: str
    known_from: str
    """`tag openai`, `checksum: ViT-L-14/openai`, or `configuration`."""

    def to_dict(self) -> dict[str, Any]:
        """Convert to a dictionary for a store's attributes."""
        return asdict(self)


def published_as(sha256: str) -> tuple[str, str] | None:
    """Architecture and tag of a published file, found by the (possibly shortened) digest in its address."""
    for architecture, tag in list_pretrained():
        expected = digest_in(get_pretrained_url(architecture, tag))
        if expected and sha256.startswith(expected):
            return architecture, tag
    return None


def digest_in(url: str) -> str:
    """The sha256, possibly shortened, in an address of open_clip's table; empty if it has none."""
    found = re.search(r"/([0-9a-f]{64})/|-([0-9a-f]{8})\.pt$", url)
    return next(filter(None, found.groups())) if found else ""


def settle(config: ClipEncoderConfig, model: Mapping[str, Any], weights: str, sha256: str) -> ClipFacts:
    """Decide what the weights were trained with, and check it against the architecture's definition `model`.

    Args:
        weights: the file, for messages.
        sha256: digest of its content.

    Raises:
        UserError: the activation is unknown or is not that of the architecture, or a key contradicts a known fact.
    """
    found = published_as(sha256)
    if config.pretrained:
        known = find_tag("clip", config.architecture, config.pretrained)
        expected = digest_in(known["url"])
        if found and expected and not sha256.startswith(expected):
            raise UserError(f"{weights}: is open_clip's {'/'.join(found)}, not {config.pretrained} (clip.pretrained)")
        source = f"tag {config.pretrained}"
    elif found:
        known, source = get_pretrained_cfg(*found), f"checksum: {'/'.join(found)}"
    else:
        known, source = {}, "configuration"

    made_with = "quick_gelu" if model.get("quick_gelu", False) else "gelu"
    if known:
        activation = "quick_gelu" if known.get("quick_gelu", False) else "gelu"
        mean, std = known["mean"], known["std"]
        for key, given, fact in (
            ("activation", config.activation, activation),
            ("image_mean", config.image_mean, mean),
            ("image_std", config.image_std, std),
        ):
            if given and given != fact:
                raise UserError(f"clip.{key}: {given}, but {weights} was trained with {fact} ({source})")
    else:
        activation = config.activation or (made_with if config.definition else "")
        if not activation:
            raise UserError(
                f"{weights}: this file is not in open_clip's table, so its activation is unknown: set clip.pretrained "
                f"to its tag, or clip.activation to gelu or quick_gelu (quick_gelu for OpenAI's weights and models "
                f"fine-tuned from them)"
            )
        mean, std = config.image_mean or OPENAI_DATASET_MEAN, config.image_std or OPENAI_DATASET_STD
    if activation != made_with:
        raise UserError(
            f"{weights}: QuickGELU mismatch: trained with {activation} ({source}), but {config.architecture} uses "
            f"{made_with}, so features would be wrong: {_advice(config.architecture)}"
        )
    return ClipFacts(
        activation,
        tuple(mean),
        tuple(std),
        known.get("interpolation", "bicubic"),
        known.get("resize_mode", "shortest"),
        source,
    )


def find_tag(section: str, architecture: str, pretrained: str) -> dict[str, Any]:
    """What open_clip's table says of a tag of published weights.

    Raises:
        UserError: the table does not have the tag; the message names the key of the section, and the known tags.
    """
    known: dict[str, Any] = get_pretrained_cfg(architecture, pretrained)
    if not known:
        tags = ", ".join(list_pretrained_tags_by_model(architecture)) or "none"
        raise UserError(
            f"{section}.pretrained: open_clip has no weights {pretrained!r} for {architecture} (it has: {tags})"
        )
    return known


def _advice(architecture: str) -> str:
    suffix = "-quickgelu"
    other = architecture.removesuffix(suffix) if architecture.endswith(suffix) else architecture + suffix
    return (
        f"set clip.architecture to {other}"
        if other in list_models()
        else "set clip.definition to a matching definition"
    )
