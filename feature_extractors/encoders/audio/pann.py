"""PANN Cnn14: 2-s windows at 32 kHz to the published 2048-d embedding, on a torchaudio mel front end.

Architecture and front end: Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern
Recognition" (2020). Parameter names are those of the published checkpoints; their `spectrogram_extractor.*` and
`logmel_extractor.*` buffers are constants that the torchaudio front end computes itself.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.transforms import MelSpectrogram

from cli import UserError
from feature_extractors.encoders.audio.log_mel import log_mel
from feature_extractors.encoders.audio.settings import PannConfig, PannStage
from feature_extractors.encoders.sounds import SoundEncoder
from feature_extractors.weights.catalogue import KNOWN
from feature_extractors.weights.fetch import check_file
from feature_extractors.weights.loading import load_checkpoint

RATE = 32_000
"""Hz."""
MIN_SAMPLES = 9_920
"""Shortest window whose frames can be halved five times."""


class ConvBlock(nn.Module):
    """Two 3x3 convolutions with batch norm and ReLU, then average pooling."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, pool: int) -> Tensor:
        """(B, inputs, frames, mels) to (B, outputs, frames / pool, mels / pool)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, pool) if pool > 1 else x


class Cnn14(nn.Module):
    """Cnn14 of any width."""

    def __init__(self, config: PannConfig) -> None:
        super().__init__()
        self.mel = MelSpectrogram(
            RATE, n_fft=1024, hop_length=320, f_min=50.0, f_max=14_000.0, n_mels=64, norm="slaney", mel_scale="slaney"
        )
        self.bn0 = nn.BatchNorm2d(64)
        width = config.base_channels
        self.conv_block1 = ConvBlock(1, width)
        self.conv_block2 = ConvBlock(width, 2 * width)
        self.conv_block3 = ConvBlock(2 * width, 4 * width)
        self.conv_block4 = ConvBlock(4 * width, 8 * width)
        self.conv_block5 = ConvBlock(8 * width, 16 * width)
        self.conv_block6 = ConvBlock(16 * width, 32 * width)
        self.fc1 = nn.Linear(32 * width, config.embedding_dim)
        self.fc_audioset = nn.Linear(config.embedding_dim, config.tags)

    def pooled(self, windows: Tensor) -> Tensor:
        """Windows (B, samples) to the input of the embedding layer, (B, 32 * base_channels)."""
        x = log_mel(self.mel, windows)  # (B, 1, frames, 64)
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for block in (self.conv_block1, self.conv_block2, self.conv_block3, self.conv_block4, self.conv_block5):
            x = block(x, pool=2)
        x = self.conv_block6(x, pool=1).mean(dim=3)
        return x.amax(dim=2) + x.mean(dim=2)

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (B, samples) at 32 kHz, at least 9,920 samples, to non-negative embeddings (B, embedding_dim)."""
        return functional.relu(self.fc1(self.pooled(windows)))


def load(stage: PannStage, weights: str, device: torch.device) -> SoundEncoder:
    """Load the encoder of the stream `pann`: windows of exactly one clip.

    Raises:
        UserError: the clips are too short for the network; or as `load_pann`.
    """
    if stage.clips.seconds * RATE < MIN_SAMPLES:
        raise UserError(f"clips.seconds: Cnn14 needs windows of at least {MIN_SAMPLES / RATE} s")
    file = Path(weights)
    return SoundEncoder(
        extractor="Cnn14",
        weights=[file],
        libraries=["torchaudio"],
        rate=RATE,
        window_seconds=stage.clips.seconds,
        forward=load_pann(stage.pann, file).to(device),
    )


def load_pann(config: PannConfig, weights: Path) -> Cnn14:
    """Load a checkpoint in the published format, `{"model": state}`, into a network in evaluation mode.

    Raises:
        UserError: a file with the published name but other content, not a checkpoint, weights of another width, or
            weights that were trained on another front end.
    """
    _check_published(weights)
    checkpoint = load_checkpoint(weights)
    state = checkpoint.get("model")
    if not isinstance(state, dict):
        raise UserError(f"{weights}: not a PANN checkpoint: it has no 'model'")
    network = Cnn14(config)
    _check_front_end(network, state, weights)
    computed = ("spectrogram_extractor.", "logmel_extractor.")
    state = {name: value for name, value in state.items() if not name.startswith(computed)}
    # The front end's window and filters are constants, absent from published checkpoints.
    state |= {name: value for name, value in network.state_dict().items() if name.startswith("mel.")}
    try:
        network.load_state_dict(state)
    except RuntimeError as problem:
        raise UserError(f"{weights}: does not fit Cnn14 with {config.to_json()}: {str(problem)[:300]}") from None
    return network.eval()


def _check_published(weights: Path) -> None:
    """Check that a file with the published name is the published one. Other files are not checked."""
    for known in KNOWN.values():
        for file in known.files:
            if known.encoder == "pann" and file.name == weights.name and weights.is_file():
                check_file(weights, file, "damaged, or another checkpoint with this name")


def _check_front_end(network: Cnn14, state: dict[str, Tensor], weights: Path) -> None:
    """Check the checkpoint's own transform and mel filters, if it has them, against those computed here.

    The published 8 and 16 kHz networks have parameters of the same shapes, and would load without this check.
    """
    transform = state.get("spectrogram_extractor.stft.conv_real.weight")
    filters = state.get("logmel_extractor.melW")
    if isinstance(transform, Tensor) and transform.shape != (513, 1, 1024):
        raise UserError(f"{weights}: trained on another front end: windows of {transform.shape[-1]} samples, not 1024")
    ours = network.mel.mel_scale.fb
    # The published filters come from librosa in double precision: they agree to 1e-5 of the largest.
    if isinstance(filters, Tensor) and not (
        filters.shape == ours.shape and (filters - ours).abs().max() < 1e-3 * ours.max()
    ):
        raise UserError(f"{weights}: trained on another front end: its mel filters are not for 32 kHz, 50-14000 Hz")
