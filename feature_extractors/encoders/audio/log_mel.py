"""The log-mel spectra that audio networks hear."""

from __future__ import annotations

import torch
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

SLICE = 2**19
"""Samples that are transformed at a time on a CPU. The transform takes 16 times as much memory as the sound, and half
of the time if that fits into the processor's cache."""


def log_mel(mel: MelSpectrogram, windows: Tensor) -> Tensor:
    """Windows (B, samples) to decibels (B, 1, frames, mels).

    Not in half precision, where loud power overflows to infinity.
    """
    at_a_time = max(1, SLICE // windows.shape[1]) if windows.device.type == "cpu" else len(windows)
    with torch.autocast(windows.device.type, enabled=False):
        powers = [mel(some).transpose(1, 2).unsqueeze(1) for some in windows.split(at_a_time)]
        return torch.cat([10.0 * torch.log10(power.clamp(min=1e-10)) for power in powers])
