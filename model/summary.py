"""What a checkpoint says of its network, for who must decide before loading it. Torch-free.

A checkpoint of this project names its streams. One of a reference (QD-DETR or its gated variant) does not: its streams
are then those of the given configuration, its fusion and its objective are its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli import UserError
from cli.errors import one_line
from model.archive import Archive
from model.compat import drop_removed
from model.config import ModelConfig
from model.reference.contents import read_contents
from model.reference.options import domain_of, network_of


@dataclass(frozen=True)
class Summary:
    """What a checkpoint holds.

    Attributes:
        is_reference: whether it has to be imported before use.
        model: the network.
        domain: the domain of TVSum that a reference was trained on; empty if unknown.
        seed: the seed of its training; 0 if unknown.
        features: how the features of each stream were made; empty if it records nothing, as one that was imported.
        about: what it says of its training: epoch, scores and the like.
    """

    is_reference: bool
    model: ModelConfig
    domain: str = ""
    seed: int = 0
    features: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def summarise_checkpoint(path: Path, streams: ModelConfig) -> Summary:
    """Read the description of a network; nothing in the file is run.

    Args:
        streams: names the streams of a reference.

    Raises:
        UserError: the file is missing or damaged, holds no network, or one of another kind.
    """
    archive = Archive(path)
    try:
        if archive.is_reference:
            weights, options = read_contents(archive)
            shapes = {name: stored.shape for name, stored in weights.items()}
            named = streams.video_streams, streams.audio_streams, streams.text_stream
            model, _ = network_of(options, shapes, *named)
            return Summary(True, model, domain_of(options), _seed(options))
        content = archive.content if isinstance(archive.content, dict) else {}
        if "no_network" in content:
            raise UserError(f"holds no network: {one_line(content['no_network'])}")
        if "format" not in content or not archive.entries("config"):
            raise UserError("not a checkpoint of this project, nor of QD-DETR")
        config = {**content["config"], "compat": drop_removed(content["config"].get("compat", ()))}
        about = archive.entries("about")
        model = ModelConfig.from_dict(config, where="checkpoint")
        features = about.get("features")
        if features is not None and not isinstance(features, dict):
            raise UserError("its record of the features is malformed")
        return Summary(False, model, seed=_seed(about), features=features or {}, about=about)
    except UserError as problem:
        line = str(problem)
        raise UserError(line if line.startswith(str(path)) else f"{path}: {line}") from None


def _seed(about: Any) -> int:
    seed = about.get("seed")
    return seed if type(seed) is int and seed >= 0 else 0
