"""The log-mel spectra that audio networks hear."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torchaudio.functional import spectrogram
from torchaudio.transforms import MelSpectrogram

SLICE = 2**19
"""Samples that are transformed at a time on a CPU. The transform takes 16 times as much memory as the sound, and half
of the time if that fits into the processor's cache."""


def log_mel(mel: MelSpectrogram, windows: Tensor, step: int = 0) -> Tensor:
    """Windows (B, samples) to decibels (B, 1, frames, mels).

    Not in half precision, where loud power overflows to infinity.

    Args:
        step: samples from the start of a window to that of the next one. On a CPU, sound that a window shares with the
            one before is then transformed once. 0 if windows do not follow each other.
    """
    with torch.autocast(windows.device.type, enabled=False):
        if step and windows.device.type == "cpu":
            return _transform_overlapping(mel, windows, step)
        return _transform(mel, windows)


def _transform(mel: MelSpectrogram, windows: Tensor) -> Tensor:
    at_a_time = max(1, SLICE // windows.shape[1]) if windows.device.type == "cpu" else len(windows)
    powers = [_mel_power(mel, some).transpose(1, 2).unsqueeze(1) for some in windows.split(at_a_time)]
    return torch.cat([10.0 * torch.log10(power.clamp(min=1e-10)) for power in powers])


def _mel_power(mel: MelSpectrogram, windows: Tensor) -> Tensor:
    """What `mel` computes, (B, mels, frames), without the magnitudes that it squares: they take most of its time."""
    spectra = spectrogram(
        windows, 0, mel.spectrogram.window, mel.n_fft, mel.hop_length, mel.win_length, power=None, normalized=False
    )
    real, imaginary = torch.view_as_real(spectra).unbind(-1)
    power: Tensor = mel.mel_scale(torch.addcmul(real.square(), imaginary, imaginary))
    return power


def _transform_overlapping(mel: MelSpectrogram, windows: Tensor, step: int) -> Tensor:
    """As `_transform`, but frames that the window before has as well are copied from its spectrum.

    The first and the last frames of a window are always its own: beyond its ends they see its mirror image.
    """
    hop, length = mel.hop_length, windows.shape[1]
    mirrored = -(-mel.n_fft // 2 // hop)  # frames at either end
    margin = 2 * mirrored * hop
    if step % hop or length % hop or step + margin > length:  # no frame in common
        return _transform(mel, windows)
    continues = torch.tensor([False, *(torch.equal(new[:-step], old[step:]) for old, new in pairwise(windows))])
    if not continues.any():
        return _transform(mel, windows)
    spectra = windows.new_empty(len(windows), 1, length // hop + 1, mel.n_mels)
    spectra[~continues] = _transform(mel, windows[~continues])
    starts = _transform(mel, windows[continues, :margin])[:, :, :mirrored]
    ends = _transform(mel, windows[continues, -(step + margin) :])[:, :, mirrored:]
    for place, start, end in zip(continues.nonzero().flatten().tolist(), starts, ends, strict=True):
        first, last = mirrored, spectra.shape[2] - end.shape[1]
        shared = spectra[place - 1, :, first + step // hop : last + step // hop]
        spectra[place] = torch.cat([start, shared, end], dim=1)
    return spectra
