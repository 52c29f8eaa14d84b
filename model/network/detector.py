"""The network: QD-DETR with one of the fusions in front of the query."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from model.config import ModelConfig
from model.network.cpu_layers import Linear
from model.network.decoder import MomentDecoder
from model.network.encoders import EncoderLayer, QueryProduct, TextToVideoLayer
from model.network.fusion import GatedFusion
from model.network.layers import InputProjection, Mlp
from model.network.positions import encode_clips
from model.network.proposals import ProposalHead, choose_anchors
from model.network.spans import inverse_sigmoid
from model.network.tensors import Fused, InputDims, Inputs, LayerGates, Moments, Outputs, Proposals


@dataclass(frozen=True)
class _Read:
    """Clips that have read a query: clips (B, L, D), the global token `summary` (B, D), alignment (B, L) or None."""

    clips: Tensor
    summary: Tensor
    alignment: Tensor | None


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
        self.query_product = QueryProduct(dim) if config.query_product else None
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
        self.proposal_head = ProposalHead(dim) if config.anchors == "proposed" else None
        self.class_head = Linear(dim, 2)
        self.span_head = Mlp(dim, dim, dim, 2)
        self.saliency_clip = Linear(dim, dim)
        self.saliency_global = Linear(dim, dim)

    def forward(
        self, inputs: Inputs, negative: Tensor | None = None, moments: bool = True, starts: Tensor | None = None
    ) -> Outputs:
        """Predict moments and saliency.

        Args:
            negative: (B,) for each sample the index in `inputs.text` of a query about another video; the saliency of
                that pairing is then returned too. `inputs.text` may hold more than B texts for this.
            moments: False skips the decoder when only saliency is needed.
            starts: (B, G, N, 2) G groups of further starting points per sample, center and width; the decoder refines
                each group on its own, like its N anchors.
        """
        fused = self.fuse(inputs)
        if inputs.videos is not None:
            fused = fused.take(inputs.videos)
        return self.read(fused, inputs.text, inputs.text_mask, negative, moments, starts)

    def fuse(self, inputs: Inputs) -> Fused:
        """Project the videos and fuse their audio into them: all that does not depend on the queries."""
        position = encode_clips(inputs.video_mask, self.config.hidden_dim)
        clips, gates = self._fuse(inputs, position)
        return Fused(clips, position, inputs.video_mask, inputs.seen_mask, gates)

    def read(
        self,
        fused: Fused,
        texts: Tensor,
        text_mask: Tensor,
        negative: Tensor | None = None,
        moments: bool = True,
        starts: Tensor | None = None,
    ) -> Outputs:
        """Predict moments and saliency for fused videos, one per query; the other arguments are those of `forward`.

        Args:
            texts: (B or more, T, Dt); text_mask: (B or more, T).
        """
        video, position, seen, gates = fused.clips, fused.position, fused.seen, fused.gates
        text, batch = self.text_projection(texts), len(video)
        if negative is None:
            read = self._encode(video, seen, position, text[:batch], text_mask[:batch])
        else:
            # Both pairings in one pass, because a small network takes longer to call than to compute.
            queries = torch.cat([torch.arange(batch, device=video.device), negative])
            videos, sights, places = (torch.cat([each, each]) for each in (video, seen, position))
            read = self._encode(videos, sights, places, text[queries], text_mask[queries])
        moments_found, denoised, proposals = [], [], None
        if moments:
            # The decoder is not run on the negative pairing, because only its saliency and alignment enter the loss.
            clips = read.clips[:batch]
            anchors, proposals = self._anchors(clips, fused)
            started = anchors if starts is None else torch.cat([anchors, starts.flatten(1, 2)], dim=1)
            for layer in self._refine(started, clips, seen, position):
                moments_found.append(Moments(layer.logits[:, 0], layer.spans[:, 0]))
                if starts is not None:
                    denoised.append(Moments(layer.logits[:, 1:], layer.spans[:, 1:]))
        saliency = self._saliency(read)
        alignment = read.alignment
        return Outputs(
            moments=moments_found,
            saliency=saliency[:batch],
            negative_saliency=None if negative is None else saliency[batch:],
            gates=gates,
            alignment=None if alignment is None else alignment[:batch],
            negative_alignment=None if alignment is None or negative is None else alignment[batch:],
            denoised=denoised,
            proposals=proposals,
        )

    def _anchors(self, clips: Tensor, fused: Fused) -> tuple[Tensor, Proposals | None]:
        """Starting points of the decoder (B, N, 2), and the proposals that they were chosen from, if any."""
        learnt = self.anchors.sigmoid()
        if self.proposal_head is None:
            return learnt.expand(len(clips), -1, -1), None
        proposals = self.proposal_head(clips, fused.video_mask)
        return choose_anchors(proposals, fused.seen, learnt), proposals

    def _refine(self, started: Tensor, clips: Tensor, seen: Tensor, position: Tensor) -> Iterator[Moments]:
        """Moments of every decoder layer in groups of N, (B, groups, N, 2), from starting points (B, groups * N, 2)."""
        count = self.config.num_queries
        clips = self._of_heads(clips)
        with self._exact(clips):
            states, anchors = self.decoder(started, clips, seen, position, started.shape[1] // count)
            spans = (self.span_head(states) + inverse_sigmoid(anchors)).sigmoid().unflatten(2, (-1, count))
            logits = self.class_head(states).unflatten(2, (-1, count))
        yield from map(Moments, logits, spans)

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

    def _encode(self, video: Tensor, seen: Tensor, position: Tensor, text: Tensor, text_mask: Tensor) -> _Read:
        """Let the clips attend to the query, then to each other."""
        alignment = None
        if self.query_product is not None:
            video, alignment = self.query_product(video, text, text_mask)
        for layer in self.text_to_video:
            video = layer(video, text, text_mask, position)
        batch = len(video)
        x = torch.cat([self.global_token.expand(batch, 1, -1), video], dim=1)
        placed = torch.cat([self.global_position.expand(batch, 1, -1), position], dim=1)
        mask = torch.cat([seen.new_ones(batch, 1), seen], dim=1)
        for layer in self.encoder:
            x = layer(x, mask, placed)
        return _Read(x[:, 1:], x[:, 0], alignment)

    def _saliency(self, read: _Read) -> Tensor:
        clips, summary = self._of_heads(read.clips), self._of_heads(read.summary)
        with self._exact(clips):
            product = self.saliency_clip(clips) * self.saliency_global(summary).unsqueeze(1)
            return product.sum(dim=-1) / math.sqrt(product.shape[-1])

    def _exact(self, x: Tensor) -> AbstractContextManager[object]:
        """What the decoder and the heads predict with: float32, for bfloat16 would give many clips equal scores and
        move moments by a clip. In training they have the precision of the rest.
        """
        return nullcontext() if self.training else torch.autocast(x.device.type, enabled=False)

    def _of_heads(self, x: Tensor) -> Tensor:
        return x if self.training else x.float()


def build_detector(config: dict[str, Any], dims: dict[str, int]) -> HighlightDetector:
    """Build the network that a checkpoint describes."""
    return HighlightDetector(ModelConfig.from_dict(config, where="checkpoint"), InputDims(**dims))
