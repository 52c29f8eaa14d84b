"""CLAP: 10-s windows at 48 kHz to the joint embedding, through transformers' ClapModel.

The mel front end is torchaudio's, made from the checkpoint's own feature-extractor settings: transformers computes
the same numbers with a Python loop over frames, some 20 times slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram
from transformers import ClapFeatureExtractor, ClapModel
from transformers.utils import logging

from cli import Settings, UserError
from feature_extractors.weights import reason

FILES = ("config.json", "model.safetensors", "preprocessor_config.json")
"""What a CLAP checkpoint directory holds of use here."""


@dataclass(frozen=True, kw_only=True)
class ClapConfig(Settings):
    """The CLAP stream."""

    window_seconds: float = 10.0
    """Sound around each clip's centre, zeros beyond either end; the model was trained on 10 s."""


class ClapFrontEnd(nn.Module):
    """Waveforms to the log-mel input of an unfused CLAP."""

    def __init__(self, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.rate = int(extractor.sampling_rate)
        self.samples = int(extractor.nb_max_samples)
        self.mel = MelSpectrogram(
            self.rate,
            n_fft=extractor.fft_window_size,
            hop_length=extractor.hop_length,
            f_min=float(extractor.frequency_min),
            f_max=float(extractor.frequency_max),
            n_mels=extractor.feature_size,
            norm="slaney",
            mel_scale="slaney",
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (B, samples) to decibels (B, 1, frames, mels)."""
        # Not in half precision, in which loud power is infinite.
        with torch.autocast(windows.device.type, enabled=False):
            power = self.mel(windows).transpose(1, 2).unsqueeze(1)
            return 10.0 * torch.log10(power.clamp(min=1e-10))


class Clap(nn.Module):
    """The audio side of a CLAP checkpoint with its front end."""

    def __init__(self, model: ClapModel, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.model = model
        self.front_end = ClapFrontEnd(extractor)

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (B, samples), as long as the checkpoint expects, to unit-length embeddings (B, dim)."""
        embeddings: Tensor = self.model.get_audio_features(input_features=self.front_end(windows)).pooler_output
        return embeddings


def load_clap(weights: Path) -> Clap:
    """Load a checkpoint directory (config.json, model.safetensors, preprocessor_config.json), offline.

    Raises:
        UserError: a file is missing or damaged, the weights do not fit, or the checkpoint is of the fused kind, whose
            crops are random.
    """
    missing = [name for name in FILES if not (weights / name).is_file()]
    if missing:
        raise UserError(f"{weights}: not a CLAP checkpoint: no {', '.join(missing)}")
    # transformers draws absent weights at random and reports it in a table: here it is an error.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        extractor = ClapFeatureExtractor.from_pretrained(weights, local_files_only=True)
        model, found = ClapModel.from_pretrained(
            weights,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as problem:  # a damaged file ends in an exception of almost any type
        raise UserError(f"{weights}: {reason(problem)}") from None
    drawn = {*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])}
    # The text side is not used. Counters and index tables, all integers, are not in every checkpoint.
    state = model.state_dict()
    unfit = [name for name in state if name.startswith("audio_") and name in drawn and state[name].is_floating_point()]
    if unfit:
        raise UserError(f"{weights}: the weights do not fit config.json: {len(unfit)} missing, such as {unfit[0]}")
    if model.config.audio_config.enable_fusion:
        raise UserError(f"{weights}: a fused CLAP crops at random: take an unfused checkpoint")
    return Clap(model, extractor).eval()
