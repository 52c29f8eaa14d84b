"""Encode the sound of a table of videos with either encoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cli import Settings, UserError
from feature_extractors import CODE_VERSION
from feature_extractors.audio.clap import ClapConfig, checkpoint_files, load_clap
from feature_extractors.audio.pann import MIN_SAMPLES, RATE, PannConfig, load_pann
from feature_extractors.audio.windows import clip_windows, heard_clips
from feature_extractors.decode import read_sound
from feature_extractors.encoding import ClipFeatures, encode_videos
from feature_extractors.manifest import ClipConfig, Video
from feature_extractors.store import Provenance
from feature_extractors.weights import fingerprint

BATCH = 32
"""Windows cut and encoded at a time: those of 10 s around the clips of an hour would take 3.5 GB."""


@dataclass(frozen=True, kw_only=True)
class PannStage(Settings):
    """The configuration sections that the PANN stream consumes."""

    clips: ClipConfig
    pann: PannConfig
    version: int = CODE_VERSION["pann"]


@dataclass(frozen=True, kw_only=True)
class ClapStage(Settings):
    """The configuration sections that the CLAP stream consumes."""

    clips: ClipConfig
    clap: ClapConfig
    version: int = CODE_VERSION["clap"]


def extract_pann(stage: PannStage, videos: list[Video], folder: Path, weights: Path, out: Path) -> None:
    """Encode windows of exactly one clip with Cnn14 into the store `out`."""
    if stage.clips.seconds * RATE < MIN_SAMPLES:
        raise UserError(f"clips.seconds: Cnn14 needs windows of at least {MIN_SAMPLES / RATE} s")
    network = load_pann(stage.pann, weights)
    provenance = _provenance("pann", "Cnn14", [weights], stage.to_json(), stage.clips)
    _extract(out, provenance, videos, folder, network, RATE, stage.clips.seconds)


def extract_clap(stage: ClapStage, videos: list[Video], folder: Path, weights: Path, out: Path) -> None:
    """Encode windows around each clip with CLAP into the store `out`; `weights` is a directory."""
    network = load_clap(weights)
    front_end = network.front_end
    seconds = stage.clap.heard_seconds(stage.clips.seconds, front_end.samples / front_end.rate)
    provenance = _provenance("clap", "ClapModel", checkpoint_files(weights), stage.to_json(), stage.clips)
    _extract(out, provenance, videos, folder, network, front_end.rate, seconds)


def _provenance(stream: str, extractor: str, weights: list[Path], config: str, clips: ClipConfig) -> Provenance:
    return Provenance(stream, extractor, fingerprint(weights), config, clips.seconds)


def _extract(
    out: Path,
    provenance: Provenance,
    videos: list[Video],
    folder: Path,
    network: Callable[[Tensor], Tensor],
    rate: int,
    window_seconds: float,
) -> None:
    # The width is known only from the network; a silent window gives it for videos without sound.
    with torch.inference_mode():
        dim = network(torch.zeros(1, round(window_seconds * rate))).shape[1]

    def encode(video: Video) -> ClipFeatures:
        sound = read_sound(folder / video.file, rate)
        if sound is None:
            return np.zeros((0, dim), np.float32), np.zeros(0, np.int64)
        clips = heard_clips(sound, video.n_clips, provenance.clip_seconds)
        rows = [np.zeros((0, dim), np.float32)]
        for first in range(0, len(clips), BATCH):
            batch = clip_windows(sound, clips[first : first + BATCH], provenance.clip_seconds, window_seconds)
            with torch.inference_mode():
                rows.append(network(torch.from_numpy(batch)).float().numpy())
        return np.concatenate(rows), clips

    encode_videos(out, provenance, videos, encode)
