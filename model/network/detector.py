"""The network: QD-DETR with one of the fusions in front of the query."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.network.cpu_layers import Linear
from model.network.decoder import MomentDecoder
from model.network.encoders import EncoderLayer, TextToVideoLayer
from model.network.fusion import GatedFusion
from model.network.layers import InputProjection, Mlp
from model.network.positions import encode_clips
from model.network.spans import inverse_sigmoid
from model.network.tensors import InputDims, Inputs, LayerGates, Moments, Outputs


class HighlightDetector(nn.Module):
    """The network: predicts moments and saliency for a query about a video."""

    def __init__(self, config: ModelConfig, dims: InputDims) -> None:
        super().__init__()
        self.config = config
        self.dims = dims
        dim = config.hidden_dim
        joined = dims.video + (dims.audio if config.fusion == "concat" else 0)
        self.video_projection = InputProjection(joined, dim, config.input_dropout)
        self.text_projection = InputProjection(dims.text, dim, config.input_dropout)
        self.audio_projection: InputProjection | None = None
        self.fusion: GatedFusion | None = None
        if config.has_gates:
            self.audio_projection = InputProjection(dims.audio, dim, config.input_dropout)
            self.fusion = GatedFusion(config)

        sizes = (dim, config.n_heads, config.feedforward_dim, config.dropout)
        self.global_token = nn.Parameter(torch.randn(dim))
        self.global_position = nn.Parameter(torch.randn(dim))
        self.text_to_video = nn.ModuleList(TextToVideoLayer(*sizes) for _ in range(config.encoder_layers))
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(config.encoder_layers))
        self.decoder = MomentDecoder(*sizes, layers=config.decoder_layers)
        for part in (self.text_to_video, self.encoder, self.decoder):
            for parameter in part.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)

        self.anchors = nn.Parameter(torch.randn(config.num_queries, 2))
        self.class_head = Linear(dim, 2)
        self.span_head = Mlp(dim, dim, dim, 2)
        self.saliency_clip = Linear(dim, dim)
        self.saliency_global = Linear(dim, dim)

    def forward(self, inputs: Inputs, negative: Tensor | None = None, moments: bool = True) -> Outputs:
        """Predict moments and saliency.

        Args:
            negative: (B,) for each sample the index in `inputs.text` of a query about another video; the saliency of
                that pairing is then returned too. `inputs.text` may hold more than B texts for this.
            moments: False skips the decoder when only saliency is needed.
        """
        position = encode_clips(inputs.video_mask, self.config.hidden_dim)
        video, gates = self._fuse(inputs, position)
        text = self.text_projection(inputs.text)
        batch, seen = len(video), inputs.seen_mask
        clips, summary = self._encode(video, seen, position, text[:batch], inputs.text_mask[:batch])
        negative_saliency = None
        if negative is not None:
            # The decoder is not run on the negative pairing, because only its saliency enters the loss.
            other, other_summary = self._encode(video, seen, position, text[negative], inputs.text_mask[negative])
            negative_saliency = self._saliency(other, other_summary)
        found = self._find_moments(clips, seen, position) if moments else []
        return Outputs(found, self._saliency(clips, summary), negative_saliency, gates)

    def _find_moments(self, clips: Tensor, seen: Tensor, position: Tensor) -> list[Moments]:
        anchors = self.anchors.sigmoid().expand(len(clips), -1, -1)
        states, started = self.decoder(anchors, clips, seen, position)
        return [
            Moments(self.class_head(state), (self.span_head(state) + inverse_sigmoid(start)).sigmoid())
            for state, start in zip(states, started, strict=True)
        ]

    def _fuse(self, inputs: Inputs, position: Tensor) -> tuple[Tensor, list[LayerGates]]:
        """Project the video and fuse the audio into it: (B, L, D) and the gates."""
        audio, audio_mask = inputs.audio, inputs.audio_mask
        if self.config.fusion == "none" or audio is None or audio_mask is None:
            return self.video_projection(inputs.video), []
        compat = self.config.compat
        if compat.audio_mask_ignored:
            # Every clip of the video then counts as having sound; padding does only with the original pooling.
            audio_mask = torch.ones_like(inputs.video_mask) if compat.unmasked_pooling else inputs.video_mask
        # Masked before any computation, so that the filling, even NaN, reaches neither output nor gradient.
        audio = audio.masked_fill(~audio_mask.unsqueeze(-1), 0.0)
        if self.fusion is None or self.audio_projection is None:
            return self.video_projection(torch.cat([inputs.video, audio], dim=-1)), []
        fused, gates = self.fusion(
            self.video_projection(inputs.video), self.audio_projection(audio), inputs.seen_mask, audio_mask, position
        )
        return fused, gates

    def _encode(
        self, video: Tensor, seen: Tensor, position: Tensor, text: Tensor, text_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Let the clips attend to the query, then to each other: clips (B, L, D) and global token (B, D)."""
        for layer in self.text_to_video:
            video = layer(video, text, text_mask, position)
        batch = len(video)
        x = torch.cat([self.global_token.expand(batch, 1, -1), video], dim=1)
        placed = torch.cat([self.global_position.expand(batch, 1, -1), position], dim=1)
        mask = torch.cat([seen.new_ones(batch, 1), seen], dim=1)
        for layer in self.encoder:
            x = layer(x, mask, placed)
        return x[:, 1:], x[:, 0]

    def _saliency(self, clips: Tensor, summary: Tensor) -> Tensor:
        product = self.saliency_clip(clips) * self.saliency_global(summary).unsqueeze(1)
        return product.sum(dim=-1) / math.sqrt(clips.shape[-1])


def build_detector(config: dict[str, Any], dims: dict[str, int]) -> HighlightDetector:
    """Build the network that a checkpoint describes."""
    return HighlightDetector(ModelConfig.from_dict(config, where="checkpoint"), InputDims(**dims))
