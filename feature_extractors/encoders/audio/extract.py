"""Encode the sound of a table of videos with either encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cli import Settings, UserError
from feature_extractors import CODE_VERSION
from feature_extractors.encoders.audio.clap import ClapConfig, checkpoint_files, load_clap
from feature_extractors.encoders.audio.pann import MIN_SAMPLES, RATE, PannConfig, load_pann
from feature_extractors.encoders.audio.windows import clip_windows
from feature_extractors.encoders.device import describe_device
from feature_extractors.encoders.engine import (
    FULL_PRECISION,
    Encoder,
    EncodingConfig,
    Piece,
    encode_videos,
    library_versions,
)
from feature_extractors.fingerprints import fingerprint
from feature_extractors.media import Problems, open_sound
from formats.grid import ClipGrid
from formats.store import Provenance
from formats.video_table import Video

BATCH_SECONDS = {"cpu": 64.0, "cuda": 512.0}
"""Seconds of windows encoded at a time, by kind of device: an hour of 10-s windows takes 3.5 GB."""
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class PannStage(Settings):
    """The configuration sections that the PANN stream consumes."""

    clips: ClipGrid
    pann: PannConfig
    encoding: EncodingConfig = FULL_PRECISION
    version: int = CODE_VERSION["pann"]


@dataclass(frozen=True, kw_only=True)
class ClapStage(Settings):
    """The configuration sections that the CLAP stream consumes."""

    clips: ClipGrid
    clap: ClapConfig
    encoding: EncodingConfig = FULL_PRECISION
    version: int = CODE_VERSION["clap"]


def extract_pann(
    stage: PannStage, videos: list[Video], folder: Path, weights: Path, out: Path, device: torch.device = CPU
) -> None:
    """Encode windows of exactly one clip with Cnn14 into the store `out`."""
    if stage.clips.seconds * RATE < MIN_SAMPLES:
        raise UserError(f"clips.seconds: Cnn14 needs windows of at least {MIN_SAMPLES / RATE} s")
    network = load_pann(stage.pann, weights)
    libraries = library_versions("av", "numpy", "soxr", "torch", "torchaudio")
    provenance = Provenance(
        "pann",
        "Cnn14",
        fingerprint([weights]),
        stage.to_json(),
        stage.clips.seconds,
        libraries,
        describe_device(device),
    )
    _extract(out, provenance, videos, folder, network, stage.encoding, RATE, stage.clips.seconds, device)


def extract_clap(
    stage: ClapStage, videos: list[Video], folder: Path, weights: Path, out: Path, device: torch.device = CPU
) -> None:
    """Encode windows around each clip with CLAP into the store `out`; `weights` is a directory."""
    network = load_clap(weights)
    front_end = network.front_end
    seconds = stage.clap.heard_seconds(stage.clips.seconds, front_end.samples / front_end.rate)
    provenance = Provenance(
        "clap",
        "ClapModel",
        fingerprint(checkpoint_files(weights)),
        stage.to_json(),
        stage.clips.seconds,
        library_versions("av", "numpy", "soxr", "torch", "torchaudio", "transformers"),
        describe_device(device),
    )
    _extract(out, provenance, videos, folder, network, stage.encoding, front_end.rate, seconds, device)


def _extract(
    out: Path,
    provenance: Provenance,
    videos: list[Video],
    folder: Path,
    network: nn.Module,
    config: EncodingConfig,
    rate: int,
    window_seconds: float,
    device: torch.device,
) -> None:
    network.to(device)
    # The width is known only from the network; a silent window gives it for videos without sound.
    with torch.inference_mode():
        dim = network(torch.zeros(1, round(window_seconds * rate), device=device)).shape[1]

    def decode(video: Video, problems: Problems) -> Iterator[Piece]:
        sound = open_sound(folder / video.file, rate, video.start_s, problems)
        if sound is None:
            return
        for clip in clip_windows(sound, video.n_clips, provenance.clip_seconds, window_seconds):
            yield Piece(clip.clip, clip.window, clip.level_db)

    batch = max(1, int(BATCH_SECONDS.get(device.type, 64.0) / window_seconds))
    encoder = Encoder(network, device, config, batch, dim, with_levels=True)
    encode_videos(out, provenance, videos, folder, decode, encoder)
