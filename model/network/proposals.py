"""Anchors proposed by the clips: each clip says whether it lies in a moment, and how far that moment reaches.

The first stage of a two-stage detector (Deformable DETR, section 4.2) with the one-dimensional boxes of FCOS. QD-DETR
has no such stage: there, all videos start from the same learnt anchors (`model.anchors: learnt`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network.cpu_layers import Linear
from model.network.layers import Mlp
from model.network.tensors import Proposals


class ProposalHead(nn.Module):
    """Proposes one moment per clip."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score_head = Linear(dim, 1)
        self.reach_head = Mlp(dim, dim, 2)

    def forward(self, clips: Tensor, video_mask: Tensor) -> Proposals:
        """Propose moments from encoded clips (B, L, D); video_mask (B, L), True = a clip of the video."""
        count = video_mask.sum(dim=1, keepdim=True)
        centers = (torch.arange(clips.shape[1], device=clips.device) + 0.5) / count
        # Softplus of 1 is 1.3 clips: untrained proposals are short and lie around their clips.
        reach = functional.softplus(self.reach_head(clips) + 1) / count.unsqueeze(-1)
        start, end = ((centers + side).clamp(0, 1) for side in (-reach[..., 0], reach[..., 1]))
        spans = torch.stack([(start + end) / 2, end - start], dim=-1)
        return Proposals(self.score_head(clips).squeeze(-1), spans, centers)


def choose_anchors(proposals: Proposals, seen: Tensor, learnt: Tensor) -> Tensor:
    """The best proposals as anchors (B, N, 2), center and width; no gradient flows back through proposals.

    Clips whose score is a peak among their neighbours come first, so that neighbours do not propose one moment twice.

    Args:
        seen: (B, L) clips that have a picture; others propose nothing.
        learnt: (N, 2) anchors for the places that are left when a video has fewer than N such clips.
    """
    scores = proposals.logits.detach().float().masked_fill(~seen, float("-inf"))
    peaks = seen & (scores >= functional.max_pool1d(scores.unsqueeze(1), kernel_size=3, stride=1, padding=1).squeeze(1))
    by_score = scores.argsort(dim=1, descending=True, stable=True)
    peaks_first = peaks.gather(1, by_score).to(torch.uint8).argsort(dim=1, descending=True, stable=True)
    clips = by_score.gather(1, peaks_first)[:, : len(learnt)]
    chosen = proposals.spans.detach().gather(1, clips.unsqueeze(-1).expand(-1, -1, 2))
    # A moment has at least one clip; the decoder divides by the width.
    shortest = 2 * proposals.centers[:, :1]
    chosen = torch.stack([chosen[..., 0], chosen[..., 1].maximum(shortest)], dim=-1)
    anchors = learnt.expand(len(scores), -1, -1)
    count = chosen.shape[1]
    return torch.cat(
        [torch.where(seen.gather(1, clips).unsqueeze(-1), chosen, anchors[:, :count]), anchors[:, count:]], dim=1
    )
