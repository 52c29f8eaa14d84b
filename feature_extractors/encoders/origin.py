"""The origin of rows: how every encoder describes itself, and the provenance made from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from cli import canonical_json
from feature_extractors.encoders.device import describe_device
from feature_extractors.encoders.stream import ClipStage, Stage
from feature_extractors.fingerprints import fingerprint
from formats.store import Provenance


@dataclass(frozen=True, kw_only=True)
class Origin:
    """An encoder's description of itself, for the attributes of a store.

    Attributes:
        extractor: its name, such as `Cnn14`.
        weights: the files that were read.
        libraries: distributions on which its rows depend, in addition to those that all streams of its kind use.
        details: canonical JSON of facts about the weights.
    """

    extractor: str
    weights: Sequence[Path] = ()
    libraries: Sequence[str] = ()
    details: str = ""


def provenance_of(
    origin: Origin, stream: str, stage: Stage, libraries: Sequence[str], device: torch.device
) -> Provenance:
    """Make the provenance of a store.

    Args:
        libraries: distributions on which all streams of this kind depend.
    """
    return Provenance(
        stream=stream,
        extractor=origin.extractor,
        weights_sha256=fingerprint(origin.weights) if origin.weights else "",
        config=stage.to_json(),
        clip_seconds=stage.clips.seconds if isinstance(stage, ClipStage) else 0.0,
        libraries=canonical_json({name: version(name) for name in (*libraries, *origin.libraries)}),
        device=describe_device(device),
        details=origin.details,
    )
