"""Weights of the demo's encoders: drawn from a seed, calibrated, and saved in the published formats.

Nothing is trained and nothing is downloaded. Random networks preserve much of their input, but their outputs are nearly
constant: a large common part hides the differences between clips. Each network is therefore calibrated, without labels,
on pictures and sounds from the demo's generator with another seed (none of the demo's videos): batch norms take their
statistics from them, and the last linear map is set to a whitening, so that all directions of the output vary equally.
The extractors then load these files like published ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig
from transformers import ClapConfig as ClapModelConfig

from cli import Settings
from cli.outputs import replacing
from demo import CODE_VERSION, questions
from demo.picture import draw_frame
from demo.plan import CLIP, DemoConfig, VideoPlan, plan_videos
from demo.sound import synthesise
from feature_extractors.encoders.audio.clap import Clap
from feature_extractors.encoders.audio.pann import RATE, Cnn14
from feature_extractors.encoders.audio.settings import PannConfig
from feature_extractors.encoders.clip.model import build_clip, token_states, valid_lengths
from feature_extractors.encoders.clip.settings import ClipEncoderConfig
from formats.grid import clip_centres

CALIBRATION_VIDEOS = 12


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(Settings):
    """How the demo's weights are drawn."""

    seed: Annotated[int, Field(ge=0)] = 1
    """Seed of the weights and of the media that they are calibrated on."""


@dataclass(frozen=True, kw_only=True)
class ClipWeights(Settings):
    """The configuration sections that the demo's CLIP consumes."""

    demo_encoders: EncoderConfig
    clip: ClipEncoderConfig
    version: int = CODE_VERSION["weights"]


@dataclass(frozen=True, kw_only=True)
class PannWeights(Settings):
    """The configuration sections that the demo's PANN consumes."""

    demo_encoders: EncoderConfig
    pann: PannConfig
    version: int = CODE_VERSION["weights"]


@dataclass(frozen=True, kw_only=True)
class ClapWeights(Settings):
    """The configuration sections that the demo's CLAP consumes."""

    demo_encoders: EncoderConfig
    version: int = CODE_VERSION["weights"]


@torch.no_grad()
def write_clip(stage: ClipWeights, out: Path) -> None:
    """Write a CLIP state dict, as open_clip loads it."""
    torch.manual_seed(stage.demo_encoders.seed)
    clip = build_clip(stage.clip, None)
    visual = clip.network.visual
    videos = _calibration_videos(stage.demo_encoders)
    pictures = [clip.preprocess(Image.fromarray(draw_frame(video, t))) for video in videos for t in _centres(video)]
    projection = visual.proj
    visual.proj = None
    pooled = torch.cat([visual(batch) for batch in torch.stack(pictures).split(64)])
    mean, whitening = _whiten(pooled, projection.shape[1])
    visual.ln_post.bias.copy_(-mean)
    projection.copy_(whitening)
    visual.proj = projection

    config = DemoConfig(seed=_calibration_seed(stage.demo_encoders), train_videos=CALIBRATION_VIDEOS, val_videos=1)
    ids = clip.tokenise([row["query"] for row in questions.annotations(config, "train")])
    lengths = valid_lengths(ids)
    states = token_states(clip.network, ids)
    states = torch.cat([state[:length] for state, length in zip(states, lengths, strict=True)])
    spread = states.std(dim=0)
    clip.network.ln_final.weight.copy_(1 / spread)
    clip.network.ln_final.bias.copy_(-states.mean(dim=0) / spread)
    _save(clip.network.state_dict(), out)


@torch.no_grad()
def write_pann(stage: PannWeights, out: Path) -> None:
    """Write a Cnn14 checkpoint as published: `{"model": state}`."""
    torch.manual_seed(stage.demo_encoders.seed)
    network = Cnn14(stage.pann)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    windows = torch.cat(list(_windows(stage.demo_encoders, RATE, CLIP)))
    _calibrate_norms(network, windows)
    pooled = torch.cat([network.pooled(batch) for batch in windows.split(64)])
    _whitened_linear(network.fc1, pooled)
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("mel.")}
    _save({"iteration": 0, "model": state}, out)


@torch.no_grad()
def write_clap(stage: ClapWeights, out: Path) -> None:
    """Write a CLAP checkpoint directory, as transformers loads it."""
    torch.manual_seed(stage.demo_encoders.seed)
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16,
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 4, 8],
        hidden_size=128,
        projection_dim=64,
        num_classes=8,
    )
    # The text side is not used, so it is as small as the library allows.
    text = ClapTextConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=16,
        projection_dim=64,
    )
    config = ClapModelConfig(audio_config=audio.to_dict(), text_config=text.to_dict(), projection_dim=64)
    extractor = ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    clap = Clap(ClapModel(config), extractor)
    seconds = clap.front_end.samples / clap.front_end.rate
    windows = torch.cat(list(_windows(stage.demo_encoders, clap.front_end.rate, seconds)))[::4]
    _calibrate_norms(clap, windows)
    projection = clap.model.audio_projection
    pooled = torch.cat(
        [clap.model.audio_model(input_features=clap.front_end(batch)).pooler_output for batch in windows.split(32)]
    )
    _whitened_linear(projection.linear1, pooled)
    hidden = projection.linear1(pooled).relu()
    nn.init.orthogonal_(projection.linear2.weight)
    projection.linear2.bias.copy_(-(projection.linear2.weight @ hidden.mean(dim=0)))
    out.mkdir(parents=True, exist_ok=True)
    clap.model.save_pretrained(out)
    extractor.save_pretrained(out)


def _calibration_seed(config: EncoderConfig) -> int:
    # Far from any seed that a user would give to the demo itself.
    return 1_000_003 + config.seed


def _calibration_videos(config: EncoderConfig) -> list[VideoPlan]:
    plan = DemoConfig(seed=_calibration_seed(config), train_videos=CALIBRATION_VIDEOS, val_videos=1)
    return [video for video in plan_videos(plan) if video.split == "train"]


def _centres(video: VideoPlan) -> NDArray[np.float64]:
    return clip_centres(video.seconds // CLIP)


def _windows(config: EncoderConfig, rate: int, seconds: float) -> Iterator[Tensor]:
    """Windows of sound (n, samples) centred on every second clip of the calibration videos."""
    length = round(seconds * rate)
    for video in _calibration_videos(config):
        if not video.audio_seconds:
            continue
        sound = np.pad(synthesise(video, rate), length)
        starts = [round(centre * rate) + length // 2 for centre in _centres(video)[::2]]
        yield torch.from_numpy(np.stack([sound[start : start + length] for start in starts]).astype(np.float32))


def _calibrate_norms(network: nn.Module, windows: Tensor) -> None:
    """Set the statistics of every batch norm to those of the calibration windows, layer by layer."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for batch in windows.split(64):
        network(batch)
    for norm in norms:
        norm.momentum = 0.1
    network.eval()


def _whiten(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean (D,) and whitening (D, dim) of samples (n, D): (x - mean) @ whitening has nearly unit covariance.

    A hundredth of the mean variance is added to all directions, so that those that hardly vary are not amplified.
    """
    mean = x.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov((x - mean).T))
    values, vectors = values.flip(0)[:dim], vectors.flip(1)[:, :dim]
    # The sign of an eigenvector is arbitrary: fix it, so that the same seed gives the same weights everywhere.
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True)).sign()
    return mean, vectors / (values + 0.01 * values.mean()).sqrt()


def _whitened_linear(layer: nn.Linear, x: Tensor) -> None:
    """Set a linear layer to a random rotation of the whitened input."""
    mean, whitening = _whiten(x, min(x.shape))
    rotation = torch.randn(layer.out_features, whitening.shape[1]) / whitening.shape[1] ** 0.5
    layer.weight.copy_(rotation @ whitening.T)
    layer.bias.copy_(-(layer.weight @ mean))


def _save(content: object, out: Path) -> None:
    with replacing(out) as part:
        torch.save(content, part)
