"""CLIP's two streams, as the registry lists them. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feature_extractors.encoders.clip.settings import ClipSection, ClipTextStage, ClipVisualStage
from feature_extractors.encoders.stream import ClipStream, QueryStream, WeightsKey, definition_of

if TYPE_CHECKING:
    import torch

    from feature_extractors.encoders.pictures import PictureEncoder
    from feature_extractors.encoders.texts import TextEncoder


def _load_visual(stage: ClipVisualStage, weights: str, device: torch.device) -> PictureEncoder:
    from feature_extractors.encoders.clip.visual import load

    return load(stage, weights, device)


def _load_text(stage: ClipTextStage, weights: str, device: torch.device) -> TextEncoder:
    from feature_extractors.encoders.clip.text import load

    return load(stage, weights, device)


_WEIGHTS = WeightsKey(section="clip", settings=ClipSection, tag="pretrained")
_DEFINITION = definition_of("clip")
CLIP_VISUAL = ClipStream(
    name="clip_visual", stage=ClipVisualStage, load=_load_visual, weights=_WEIGHTS, files=_DEFINITION
)
CLIP_TEXT = QueryStream(name="clip_text", stage=ClipTextStage, load=_load_text, weights=_WEIGHTS, files=_DEFINITION)
