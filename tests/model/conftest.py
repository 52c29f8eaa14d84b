"""Small inputs for the model's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from model.config import ModelConfig
from model.network.detector import HighlightDetector
from model.network.tensors import InputDims, Inputs

DIMS = InputDims(video=10, text=6, audio=8)


@pytest.fixture(autouse=True)
def seed() -> None:
    """The same random tensors in every run of a test."""
    torch.manual_seed(0)


@pytest.fixture
def build() -> Callable[..., HighlightDetector]:
    """A small detector in evaluation mode, its weights drawn from a fixed seed."""

    def make(**keys: Any) -> HighlightDetector:
        small = {"hidden_dim": 16, "n_heads": 2, "fusion_n_heads": 2, "fusion_layers": 2, "feedforward_dim": 32}
        torch.manual_seed(0)
        return HighlightDetector(ModelConfig.from_dict({**small, **keys}), DIMS).eval()

    return make


@pytest.fixture
def inputs() -> Inputs:
    """Three videos of 7, 5 and 4 clips; the first has all its sound, the second two clips of it, the third none."""
    generator = torch.Generator().manual_seed(1)
    lengths, words = torch.tensor([7, 5, 4]), torch.tensor([3, 5, 2])
    heard = torch.tensor([7, 2, 0])
    clips = torch.arange(7)
    return Inputs(
        video=torch.randn(3, 7, DIMS.video, generator=generator),
        video_mask=clips < lengths[:, None],
        text=torch.randn(3, 5, DIMS.text, generator=generator),
        text_mask=torch.arange(5) < words[:, None],
        audio=torch.randn(3, 7, DIMS.audio, generator=generator),
        audio_mask=clips < heard[:, None],
    )
