"""The demo's CLIP, both towers, calibrated on pictures and queries."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from demo import questions
from demo.picture import draw_frame
from demo.weights.calibration import centres, demo_of, save, videos_of, whiten
from demo.weights.settings import ClipWeights
from feature_extractors.encoders.clip.model import build_clip, token_states, valid_lengths


@torch.no_grad()
def write_clip(stage: ClipWeights, out: Path) -> None:
    """Write a CLIP state dict, as open_clip loads it."""
    torch.manual_seed(stage.demo_encoders.seed)
    clip = build_clip(stage.clip, None)
    visual = clip.network.visual
    videos = videos_of(stage.demo_encoders)
    pictures = [clip.preprocess(Image.fromarray(draw_frame(video, t))) for video in videos for t in centres(video)]
    projection = visual.proj
    visual.proj = None
    pooled = torch.cat([visual(batch) for batch in torch.stack(pictures).split(64)])
    mean, whitening = whiten(pooled, projection.shape[1])
    visual.ln_post.bias.copy_(-mean)
    projection.copy_(whitening)
    visual.proj = projection

    queries = [row["query"] for row in questions.annotations(demo_of(stage.demo_encoders), "train")]
    ids = clip.tokenise(queries)
    lengths = valid_lengths(ids)
    states = token_states(clip.network, ids)
    states = torch.cat([state[:length] for state, length in zip(states, lengths, strict=True)])
    spread = states.std(dim=0)
    clip.network.ln_final.weight.copy_(1 / spread)
    clip.network.ln_final.bias.copy_(-states.mean(dim=0) / spread)
    save(clip.network.state_dict(), out)
