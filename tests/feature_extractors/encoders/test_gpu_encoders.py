"""On a GPU the encoders have the CPU's numbers, within the rounding of the precision that is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from feature_extractors.encoders.device import use_device
from feature_extractors.encoders.engine import Encoder
from feature_extractors.encoders.stream import EncodingConfig

pytestmark = pytest.mark.gpu

Built = tuple[torch.nn.Module, Callable[[Tensor], Tensor], tuple[int, ...]]
"""A network, its forward pass, and the shape of one input."""


@pytest.fixture(autouse=True)
def settings_of_torch() -> Iterator[None]:
    """A command sets them for its whole process."""
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def clip_visual(clip_definition: Path, clip_weights: Path) -> Built:
    from feature_extractors.encoders.clip.model import build_clip
    from feature_extractors.encoders.clip.settings import ClipEncoderConfig

    config = ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition))
    network = build_clip(config, clip_weights).network
    return network, network.encode_image, (3, 32, 32)


@pytest.fixture
def cnn14(pann_weights: Path) -> Built:
    from feature_extractors.encoders.audio.pann import load_pann
    from feature_extractors.encoders.audio.settings import PannConfig

    network = load_pann(PannConfig(base_channels=2, embedding_dim=16), pann_weights)
    return network, network, (64_000,)


@pytest.fixture
def clap(clap_weights: Path) -> Built:
    from feature_extractors.encoders.audio.clap import load_clap

    network = load_clap(clap_weights)
    return network, network, (480_000,)


@pytest.mark.parametrize(("precision", "error"), [("float32", 1e-4), ("bfloat16", 0.05), ("float16", 0.01)])
@pytest.mark.parametrize("name", ["clip_visual", "cnn14", "clap"])
def test_rows_are_those_of_the_cpu(
    gpu: str, request: pytest.FixtureRequest, name: str, precision: str, error: float
) -> None:
    """The error of all rows together, relative to their size."""
    network, forward, shape = request.getfixturevalue(name)
    rng = np.random.default_rng(0)
    # Sounds of different pitch, or noise: a picture of any values will do.
    inputs = rng.standard_normal((4, *shape), dtype=np.float32)
    if len(shape) == 1:
        time = np.arange(shape[0], dtype=np.float32)
        inputs = 0.1 * inputs + np.sin(time[None] * np.array([[0.01], [0.05], [0.1], [0.3]], np.float32))
    expected = Encoder(forward, torch.device("cpu"), EncodingConfig(), 4, 1).encode(inputs)
    device = use_device(gpu, 1)
    network.to(device)
    config = EncodingConfig.from_dict({"precision": precision})
    encoder = Encoder(forward, device, config, 4, 1)
    rows = encoder.encode(inputs)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows - expected) < error * np.linalg.norm(expected)
    # The same bytes again, since kernels are deterministic.
    np.testing.assert_array_equal(encoder.encode(inputs), rows)
