"""The audio streams, PANN's and CLAP's, as the registry lists them. Torch-free."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractors.encoders.audio.settings import (
    HUB,
    SETTINGS,
    STATES,
    ClapSection,
    ClapStage,
    PannSection,
    PannStage,
)
from feature_extractors.encoders.stream import ClipStream, WeightsKey

if TYPE_CHECKING:
    import torch

    from feature_extractors.encoders.sounds import SoundEncoder


def _load_pann(stage: PannStage, weights: str, device: torch.device) -> SoundEncoder:
    from feature_extractors.encoders.audio.pann import load

    return load(stage, weights, device)


def _load_clap(stage: ClapStage, weights: str, device: torch.device) -> SoundEncoder:
    from feature_extractors.encoders.audio.clap import load

    return load(stage, weights, device)


def _clap_files(folder: Path) -> list[Path]:
    """The files that are read from a checkpoint folder."""
    state = next((name for name in STATES if (folder / name).exists()), STATES[0])
    return [folder / name for name in (SETTINGS[0], state, SETTINGS[1])]


PANN = ClipStream(
    name="pann", stage=PannStage, load=_load_pann, weights=WeightsKey(section="pann", settings=PannSection)
)
CLAP = ClipStream(
    name="clap",
    stage=ClapStage,
    load=_load_clap,
    weights=WeightsKey(section="clap", settings=ClapSection, hub=HUB, folder=True, parts=_clap_files),
)
