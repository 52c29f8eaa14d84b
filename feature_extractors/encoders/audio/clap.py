"""CLAP: 10-s windows at 48 kHz to the joint embedding, through transformers' ClapModel.

The mel front end is torchaudio's, built from the checkpoint's own feature-extractor settings: transformers computes
the same numbers in a Python loop over frames, about 20 times slower.
"""

from __future__ import annotations

from pathlib import Path

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram
from transformers import ClapFeatureExtractor, ClapModel
from transformers.utils import logging

from cli import UserError
from cli.machine import raise_if_unreadable
from feature_extractors.encoders.audio.log_mel import log_mel
from feature_extractors.encoders.audio.settings import HUB, SETTINGS, STATES, ClapStage
from feature_extractors.encoders.sounds import SoundEncoder
from feature_extractors.weights.loading import not_cached, reason


class ClapFrontEnd(nn.Module):
    """Waveforms to the log-mel input of an unfused CLAP.

    Attributes:
        rate: Hz.
        samples: length of the window that the network was trained on.
        step: samples from the start of a window to that of the next one; 0 if they do not follow each other.
    """

    def __init__(self, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.rate = int(extractor.sampling_rate)
        self.samples = int(extractor.nb_max_samples)
        self.step = 0
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
        return log_mel(self.mel, windows, self.step)


class Clap(nn.Module):
    """The audio side of a CLAP checkpoint with its front end."""

    def __init__(self, model: ClapModel, extractor: ClapFeatureExtractor) -> None:
        super().__init__()
        self.model = model
        self.front_end = ClapFrontEnd(extractor)

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (B, samples) to unit-length embeddings (B, dim).

        Windows shorter than the checkpoint expects are repeated as many whole times as fit and padded with zeros, which
        transformers calls `repeatpad`.
        """
        samples = windows.shape[1]
        if samples < self.front_end.samples:
            windows = windows.repeat(1, self.front_end.samples // samples)
            windows = nn.functional.pad(windows, (0, self.front_end.samples - windows.shape[1]))
        embeddings: Tensor = self.model.get_audio_features(input_features=self.front_end(windows)).pooler_output
        return embeddings


def load(stage: ClapStage, weights: str, device: torch.device) -> SoundEncoder:
    """Load the encoder of the stream `clap`: windows around each clip, or the clip alone.

    Raises:
        UserError: the windows do not have the checkpoint's length; or as `find_checkpoint` and `load_clap`.
    """
    folder = find_checkpoint(weights)
    network = load_clap(folder)
    front_end = network.front_end
    front_end.step = round(stage.clips.seconds * front_end.rate)
    return SoundEncoder(
        extractor="ClapModel",
        weights=checkpoint_files(folder),
        libraries=["torchaudio", "transformers"],
        rate=front_end.rate,
        window_seconds=stage.clap.heard_seconds(stage.clips.seconds, front_end.samples / front_end.rate),
        forward=network.to(device),
    )


def find_checkpoint(given: str) -> Path:
    """The directory of a CLAP checkpoint: the given one, or that of a `hub:` name in Hugging Face's cache.

    Files that are not cached are downloaded.

    Raises:
        UserError: a `hub:` name that is not in the cache and cannot be downloaded.
    """
    if not given.startswith(HUB):
        return Path(given)
    name, _, revision = given.removeprefix(HUB).partition("@")
    # Only one form of the weights: safetensors if the checkpoint has both.
    try:
        files = [hf_hub_download(name, file, revision=revision or None) for file in SETTINGS]
        try:
            hf_hub_download(name, STATES[0], revision=revision or None)
        except (EntryNotFoundError, LocalEntryNotFoundError):
            hf_hub_download(name, STATES[1], revision=revision or None)
    except Exception as problem:  # a network can raise anything
        remedy = (
            f"put {', '.join(SETTINGS)} and {' or '.join(STATES)} of huggingface.co/{name} into a folder and set "
            "clap.weights to the folder"
        )
        raise not_cached("clap.weights", given, problem, remedy) from None
    return Path(files[0]).parent


def checkpoint_files(weights: Path) -> list[Path]:
    """The files that are read from a checkpoint directory.

    Raises:
        UserError: one of them is missing.
    """
    state = next((name for name in STATES if (weights / name).is_file()), None)
    missing = [name for name in SETTINGS if not (weights / name).is_file()]
    if missing or state is None:
        missing += [] if state else [" or ".join(STATES)]
        raise UserError(f"{weights}: not a CLAP checkpoint: no {', '.join(missing)}")
    return [weights / name for name in (SETTINGS[0], state, SETTINGS[1])]


def load_clap(weights: Path) -> Clap:
    """Load a checkpoint directory, offline.

    Raises:
        UserError: a file is missing or damaged, the weights do not fit, or the checkpoint is fused (crops at random).
    """
    files = checkpoint_files(weights)
    # transformers fills missing weights at random and reports them in a table: here that is an error.
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        extractor = ClapFeatureExtractor.from_pretrained(weights, local_files_only=True)
        model, found = ClapModel.from_pretrained(
            weights,
            local_files_only=True,
            use_safetensors=any(file.suffix == ".safetensors" for file in files),
            weights_only=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as problem:  # a damaged file can raise almost anything
        raise_if_unreadable(problem, weights)
        raise UserError(f"{weights}: {reason(problem)}") from None
    drawn = {*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])}
    # The text side is not used. Counters and index tables, all integers, are not in every checkpoint.
    state = model.state_dict()
    unfit = [name for name in state if name.startswith("audio_") and name in drawn and state[name].is_floating_point()]
    if unfit:
        raise UserError(f"{weights}: the weights do not fit config.json: {len(unfit)} missing, such as {unfit[0]}")
    if model.config.audio_config.enable_fusion:
        raise UserError(f"{weights}: a fused CLAP crops at random: use an unfused checkpoint")
    return Clap(model, extractor).eval()
