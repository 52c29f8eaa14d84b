"""Spectra of windows that follow each other are those of each window alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchaudio.functional import spectrogram
from torchaudio.transforms import MelSpectrogram

from feature_extractors.encoders.audio.log_mel import log_mel

RATE, HOP = 8000, 80
LENGTH, STEP = RATE, RATE // 5  # a second, every fifth of a second


@pytest.fixture(scope="module")
def mel() -> MelSpectrogram:
    return MelSpectrogram(RATE, n_fft=256, hop_length=HOP, n_mels=16)


def windows(starts: list[int]) -> torch.Tensor:
    """Windows of one sound, which begins and ends with silence."""
    sound = 0.3 * torch.randn(4 * RATE, generator=torch.Generator().manual_seed(0))
    sound[:LENGTH] = sound[-LENGTH:] = 0.0
    return torch.stack([sound[start : start + LENGTH] for start in starts])


ROW = [place * STEP for place in range(16)]


def test_decibels_are_those_of_torchaudio(mel: MelSpectrogram) -> None:
    given = windows(ROW)
    expected = 10 * torch.log10(mel(given).clamp(min=1e-10)).transpose(1, 2).unsqueeze(1)
    torch.testing.assert_close(log_mel(mel, given), expected, rtol=0, atol=1e-3)  # dB


@pytest.mark.parametrize(
    ("starts", "step"),
    [
        (ROW, STEP),
        ([start for start in ROW if start not in (STEP, 6 * STEP, 7 * STEP)], STEP),  # clips without sound are left out
        (ROW[::-1], STEP),
        (ROW[:1], STEP),
        ([0, LENGTH, 2 * LENGTH], LENGTH),
        ([place * (STEP + 1) for place in range(15)], STEP + 1),  # no whole number of frames
        ([0, LENGTH - 320, 2 * LENGTH - 640], LENGTH - 320),  # what they share, each window sees mirrored
    ],
)
def test_overlapping_windows_have_the_spectra_of_each_alone(mel: MelSpectrogram, starts: list[int], step: int) -> None:
    given = windows(starts)
    alone = torch.cat([log_mel(mel, window[None]) for window in given])
    torch.testing.assert_close(log_mel(mel, given, step), alone, rtol=0, atol=1e-4)  # dB


def test_what_windows_share_is_transformed_once(mel: MelSpectrogram, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = 0

    def count(samples: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        nonlocal heard
        heard += samples.numel()
        return spectrogram(samples, *arguments, **options)

    monkeypatch.setattr("feature_extractors.encoders.audio.log_mel.spectrogram", count)
    log_mel(mel, windows(ROW), STEP)
    # The first window, and of each of the others what is new and two frames at its start and at both ends of the rest.
    assert heard == LENGTH + (len(ROW) - 1) * (STEP + 2 * 4 * HOP)
