"""Tiny encoders with random weights, saved as published ones are, and shared by the whole session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.feature_extractors.mel import slaney_filters

CLIP = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 2},
}


@pytest.fixture(autouse=True)
def torch_settings() -> Iterator[None]:
    """A fixed seed, and one thread, as in a job of the workflow. Commands set these for their whole process."""
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="session")
def clip_definition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    definition = tmp_path_factory.mktemp("clip") / "tiny-clip.json"
    definition.write_text(json.dumps(CLIP))
    return definition


@pytest.fixture(scope="session")
def clip_weights(clip_definition: Path) -> Path:
    from feature_extractors.encoders.clip.model import build_clip
    from feature_extractors.encoders.clip.settings import ClipEncoderConfig

    torch.manual_seed(0)
    clip = build_clip(ClipEncoderConfig(architecture="tiny-clip", definition=str(clip_definition)), None)
    weights = clip_definition.with_name("clip.pt")
    torch.save(clip.network.state_dict(), weights)
    return weights


@pytest.fixture(scope="session")
def pann_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Cnn14 with 2 base channels and 16 dimensions, and what published checkpoints hold besides.

    That is the transform and filters of torchlibrosa, and the state of the sampler: arrays, lists, numbers.
    """
    from feature_extractors.encoders.audio.pann import Cnn14
    from feature_extractors.encoders.audio.settings import PannConfig

    torch.manual_seed(0)
    network = Cnn14(PannConfig(base_channels=2, embedding_dim=16))
    # With norms as they start, the outputs would hardly depend on the sound: they take their statistics from tones.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    time = torch.arange(32_000) / 32_000
    tones = [torch.sin(2 * torch.pi * 100 * 1.2**step * time) for step in range(24)]
    with torch.no_grad():
        network.train()(torch.stack(tones) + 0.01 * torch.randn(24, 32_000))
    network.eval()
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("mel.")}
    state["spectrogram_extractor.stft.conv_real.weight"] = torch.zeros(513, 1, 1024)
    state["logmel_extractor.melW"] = torch.from_numpy(slaney_filters()).float()
    sampler = {"indexes_per_class": [np.arange(3), np.arange(2)], "queue": [np.int64(4), 5], "pointers_of_classes": [0]}
    weights = tmp_path_factory.mktemp("pann") / "pann.pth"
    # The format of 2020, in which the published files are.
    content = {"iteration": 3, "model": state, "sampler": sampler}
    torch.save(content, weights, _use_new_zipfile_serialization=False)
    return weights


@pytest.fixture(scope="session")
def clap_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig

    torch.manual_seed(0)
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=8,
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        hidden_size=64,
        projection_dim=16,
        num_classes=4,
    )
    text = ClapTextConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        projection_dim=16,
    )
    model = ClapModel(ClapConfig(audio_config=audio.to_dict(), text_config=text.to_dict(), projection_dim=16))
    norm = model.audio_model.audio_encoder.batch_norm
    norm.running_mean.fill_(-30.0)
    norm.running_var.fill_(400.0)
    weights = tmp_path_factory.mktemp("clap") / "clap"
    model.save_pretrained(weights)
    ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad").save_pretrained(weights)
    return weights
