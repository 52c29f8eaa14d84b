"""Encode the pictures of clips, one frame at each clip's centre or several: the part that visual encoders share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from feature_extractors.encoders.engine import Encoder, Piece, computing, encode_videos
from feature_extractors.encoders.origin import Origin, provenance_of
from feature_extractors.encoders.stream import ClipStage
from feature_extractors.media import Problems, frames_of_clips
from formats.video_table import Video

BATCH = 64
"""Pictures per batch. An hour of video has 1,800, too many for memory."""
LIBRARIES = ("av", "numpy", "pillow", "torch")


@dataclass(frozen=True, kw_only=True)
class PictureEncoder(Origin):
    """A visual encoder, loaded on its device.

    Attributes:
        preprocess: one PIL picture (RGB) to the network's input (3, height, width), float32 on the CPU.
        forward: inputs (B, 3, height, width) on the device to rows (B, D).
        frames_per_clip: frames spread evenly over a clip whose rows are averaged; one is that at the clip's centre.
    """

    preprocess: Callable[[Image.Image], Tensor]
    forward: Callable[[Tensor], Tensor]
    frames_per_clip: int = 1

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
            file, seconds = folder / video.file, stage.clips.seconds
            grid = video.n_clips, seconds, self.frames_per_clip
            for clip, picture in frames_of_clips(file, *grid, problems, video.start_s):
                yield Piece(clip, self.preprocess(Image.fromarray(picture)).numpy())

        # Only the network knows its width: a blank picture gives it, also for shards without any picture.
        with computing(stage.encoding, device):
            blank = self.preprocess(Image.new("RGB", (8, 8))).to(device)
            dim = self.forward(blank[None]).shape[1]
        provenance = provenance_of(self, stream, stage, LIBRARIES, device)
        encoder = Encoder(self.forward, device, stage.encoding, BATCH, dim)
        encode_videos(out, provenance, videos, folder, decode, encoder, made_ns)
