"""Calibration without labels: the media that it uses, batch norms and whitening."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cli.outputs import replacing, saving
from demo.plan import CLIP, DemoConfig, VideoPlan, plan_videos
from demo.sound import synthesise
from demo.weights.settings import EncoderConfig
from formats.grid import clip_centres

CALIBRATION_VIDEOS = 12


def demo_of(config: EncoderConfig) -> DemoConfig:
    """The demo that the encoders are calibrated on."""
    # The seed is far from any that a user would give to the demo itself.
    return DemoConfig(seed=1_000_003 + config.seed, train_videos=CALIBRATION_VIDEOS, val_videos=1)


def videos_of(config: EncoderConfig) -> list[VideoPlan]:
    """The videos that the encoders are calibrated on."""
    return [video for video in plan_videos(demo_of(config)) if video.split == "train"]


def centres(video: VideoPlan) -> NDArray[np.float64]:
    """The centres of a video's clips, (L,), in seconds."""
    return clip_centres(video.seconds // CLIP)


def windows_of_sound(config: EncoderConfig, rate: int, seconds: float, every: int = 1) -> Tensor:
    """Windows of sound (n, samples) centred on every second clip of the calibration videos, or on fewer of them.

    Args:
        rate: Hz.
        seconds: length of a window.
        every: take every n-th of the windows.
    """
    length = round(seconds * rate)
    windows, place = [], 0
    for video in videos_of(config):
        if not video.audio_seconds:
            continue
        sound = np.pad(synthesise(video, rate), length)
        for centre in centres(video)[::2]:
            if place % every == 0:
                start = round(centre * rate) + length // 2
                windows.append(sound[start : start + length])
            place += 1
    return torch.from_numpy(np.stack(windows))


def calibrate_norms(network: nn.Module, inputs: Tensor) -> None:
    """Set the statistics of every batch norm to those of the inputs (n, ...), layer by layer."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for batch in inputs.split(64):
        network(batch)
    for norm in norms:
        norm.momentum = 0.1
    network.eval()


def whiten(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Mean (D,) and whitening (D, dim) of samples (n, D): (x - mean) @ whitening has nearly unit covariance.

    A hundredth of the mean variance is added to all directions, so that those that hardly vary are not amplified.
    """
    mean = x.mean(dim=0)
    values, vectors = torch.linalg.eigh(torch.cov((x - mean).T))
    values, vectors = values.flip(0)[:dim], vectors.flip(1)[:, :dim]
    # The sign of an eigenvector is arbitrary: fix it, so that the same seed gives the same weights everywhere.
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True)).sign()
    return mean, vectors / (values + 0.01 * values.mean()).sqrt()


def set_to_whitening(layer: nn.Linear, x: Tensor) -> None:
    """Set a linear layer to a random rotation of the whitened input."""
    mean, whitening = whiten(x, min(x.shape))
    rotation = torch.randn(layer.out_features, whitening.shape[1]) / whitening.shape[1] ** 0.5
    layer.weight.copy_(rotation @ whitening.T)
    layer.bias.copy_(-(layer.weight @ mean))


def save(content: object, out: Path) -> None:
    """Write a checkpoint atomically."""
    with replacing(out) as part, saving(out):
        torch.save(content, part)
