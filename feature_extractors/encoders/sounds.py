"""Encode a window of sound centred on each clip that has sound: the part that all audio encoders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from feature_extractors.encoders.audio.windows import clip_windows
from feature_extractors.encoders.engine import Encoder, Piece, computing, encode_videos
from feature_extractors.encoders.origin import Origin, provenance_of
from feature_extractors.encoders.stream import ClipStage
from feature_extractors.media import Problems, open_sound
from formats.video_table import Video

BATCH_SECONDS = {"cpu": 64.0, "cuda": 512.0}
"""Seconds of windows per batch, by kind of device. An hour of 10-s windows takes 3.5 GB."""
LIBRARIES = ("av", "numpy", "soxr", "torch")


@dataclass(frozen=True, kw_only=True)
class SoundEncoder(Origin):
    """An audio encoder, loaded on its device.

    Attributes:
        rate: sampling rate of its mono input, Hz.
        window_seconds: length of the window around each clip's centre; a window as long as a clip is the clip itself.
        forward: windows (B, samples) on the device to rows (B, D).
    """

    rate: int
    window_seconds: float
    forward: Callable[[Tensor], Tensor]

    def write(
        self,
        stream: str,
        stage: ClipStage,
        videos: list[Video],
        folder: Path,
        out: Path,
        device: torch.device,
        made_ns: int = 0,
    ) -> None:
        """Encode the videos of a table, whose files lie in `folder`, into the store `out`: see `encode_videos`."""

        def decode(video: Video, problems: Problems) -> Iterator[Piece]:
            sound = open_sound(folder / video.file, self.rate, video.start_s, problems)
            if sound is None:
                return
            for clip in clip_windows(sound, video.n_clips, stage.clips.seconds, self.window_seconds):
                yield Piece(clip.clip, clip.window, clip.level_db)

        # Only the network knows its width: a silent window gives it, also for shards without any sound.
        with computing(stage.encoding, device):
            dim = self.forward(torch.zeros(1, round(self.window_seconds * self.rate), device=device)).shape[1]
        provenance = provenance_of(self, stream, stage, LIBRARIES, device)
        batch = max(1, int(BATCH_SECONDS[device.type] / self.window_seconds))
        encoder = Encoder(self.forward, device, stage.encoding, batch, dim, with_levels=True)
        encode_videos(out, provenance, videos, folder, decode, encoder, made_ns)
