"""A small bundle of random weights, small videos, and a cache of features that all tests of the session share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from av_highlights import Bundle, MomentFinder
from tests.feature_extractors.conftest import clip_definition, clip_weights, pann_weights
from tests.feature_extractors.made_media import Coding, steady, write_media

__all__ = ["clip_definition", "clip_weights", "pann_weights"]

SECONDS = 12
"""Length of the whole clips of a video. It lasts longer, as some containers do not tell how long the last frame is."""
H264 = {"bf": "3", "g": "50"}


@pytest.fixture(autouse=True)
def torch_settings() -> Iterator[None]:
    """Commands set these for their whole process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="session")
def make_bundle(
    tmp_path_factory: pytest.TempPathFactory, clip_definition: Path, clip_weights: Path, pann_weights: Path
) -> Callable[..., Path]:
    """Make a bundle with a network of random weights that reads CLIP and PANN; keys of its model can be given."""
    from av_highlights.bundle.making import BundleParts
    from av_highlights.bundle.making import make_bundle as make
    from model.checkpoint import save_checkpoint
    from model.config import ModelConfig
    from model.network.detector import HighlightDetector
    from model.network.tensors import InputDims

    sections = {
        "clips": {"seconds": 2.0},
        "encoding": {"precision": "float32", "dtype": "float32"},
        "clip": {"architecture": "tiny-clip", "definition": str(clip_definition), "weights": str(clip_weights)}
        | {"pretrained": "", "activation": "", "image_mean": [], "image_std": []},
        "visual": {"output": "projected", "frames_per_clip": 1},
        "pann": {"weights": str(pann_weights), "base_channels": 2, "embedding_dim": 16},
    }
    small = {"hidden_dim": 16, "n_heads": 2, "fusion_n_heads": 2, "fusion_layers": 2, "feedforward_dim": 32}

    def build(demo: bool = False, window_seconds: float = 30.0, objective: str = "", **keys: object) -> Path:
        folder = tmp_path_factory.mktemp("bundle")
        config = ModelConfig.from_dict({**small, "audio_streams": ["pann"], **keys})
        torch.manual_seed(0)
        network = HighlightDetector(config, InputDims(video=18, text=24, audio=16 if config.reads_audio else 0)).eval()
        about = {"seed": 0, "epoch": 1, "features": {}, **({"objective": objective} if objective else {})}
        save_checkpoint(folder / "best.pt", network, about)
        parts = BundleParts(
            checkpoint=folder / "best.pt",
            sections=sections,
            where="test",
            name="small",
            description="random weights",
            window_seconds=window_seconds,
            demo=demo,
        )
        make(parts, folder / "made")
        return folder / "made"

    return build


@pytest.fixture(scope="session")
def bundle(make_bundle: Callable[..., Path]) -> Path:
    """A bundle whose network has global gates."""
    return make_bundle()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of tests that do not look at it: each video is encoded once in a session."""
    return tmp_path_factory.mktemp("cache") / "av-highlights"  # the default below XDG_CACHE_HOME


@pytest.fixture(scope="session")
def finder(bundle: Path, cache: Path) -> MomentFinder:
    """A finder on the CPU with one thread."""
    return MomentFinder.load(bundle, cache=cache, device="cpu", threads=1)


@pytest.fixture(scope="session")
def loaded(finder: MomentFinder) -> Bundle:
    """The bundle of the finder."""
    return finder.bundle


def tone(seconds: float, rate: int = 32_000) -> np.ndarray:
    """A rising tone that pauses, (1, samples)."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (200 + 50 * time) * time) * (time % 4 < 3))[None].astype(np.float32)


def write_video(
    path: Path, seconds: float = SECONDS + 0.2, sound: bool = True, rotation: int = 0, fps: int = 5
) -> Path:
    """Write a video whose codecs suit its container."""
    codecs = {
        ".webm": ("libvpx", {}, "libopus", 48_000),
        ".avi": ("mpeg4", {}, "pcm_s16le", 32_000),
    }
    codec, options, sound_codec, rate = codecs.get(path.suffix, ("libx264", H264, "aac", 32_000))
    coding = Coding(codec, options=options, clock=Fraction(1, 1000))
    samples = tone(seconds, rate) if sound else None
    return write_media(
        path, steady(seconds, fps), coding=coding, sound=samples, sound_codec=sound_codec, rate=rate, rotation=rotation
    )


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two videos, one of them silent."""
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "street.mp4")
    write_video(folder / "silent.mp4", sound=False)
    return folder


@pytest.fixture
def street(videos: Path, tmp_path: Path) -> Path:
    """A copy of one video, in a folder of its own."""
    return Path(shutil.copy(videos / "street.mp4", tmp_path / "street.mp4"))
