"""The criterion of QD-DETR: moments (span, giou, label) on every decoder layer, and saliency."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.config import LossConfig
from model.network.spans import generalised_iou, to_bounds
from model.network.tensors import Moments, Outputs
from model.training.matcher import match

TEMPERATURE = 0.5
RANKS = range(1, 12)
RANK_DIVISOR = 12
"""Saliency ranges from 0 to 12; the reference uses thresholds 1 to 11 and divides by 12."""


@dataclass(frozen=True)
class Targets:
    """Training targets of a batch.

    Attributes:
        spans: per sample the true moments (n, 2), center and width as fractions of the video.
        saliency: (B, L) from 0 to 12, the sum over annotators; 0 outside moments and in padding.
        higher, lower: (B, P) pairs of clips; the first clip of a pair should score higher than the second.
        has_negative: (B,) bool: whether the sample's negative pairing is about another video.
    """

    spans: list[Tensor]
    saliency: Tensor
    higher: Tensor
    lower: Tensor
    has_negative: Tensor


def compute_losses(outputs: Outputs, targets: Targets, video_mask: Tensor, weights: LossConfig) -> dict[str, Tensor]:
    """Every term, unweighted, and `loss`, their weighted sum. Earlier decoder layers' terms end in `_0`, `_1`..."""
    last = len(outputs.moments) - 1
    terms: dict[str, Tensor] = {}
    for index, moments in enumerate(outputs.moments):
        suffix = "" if index == last else f"_{index}"
        terms |= {f"{name}{suffix}": value for name, value in moment_losses(moments, targets, weights).items()}
    terms["loss_saliency"] = saliency_loss(outputs, targets, video_mask, weights.margin)
    return {"loss": weigh_terms(terms, weights), **terms}


def weigh_terms(terms: dict[str, Tensor], weights: LossConfig) -> Tensor:
    """The weighted sum of terms; their names select the weights."""
    factor = {"span": weights.span, "giou": weights.giou, "label": weights.label, "saliency": weights.saliency}
    return torch.stack([factor[name.split("_")[1]] * value for name, value in terms.items()]).sum()


def moment_losses(moments: Moments, targets: Targets, weights: LossConfig) -> dict[str, Tensor]:
    """Span (mean absolute error), giou (1 - generalised IoU) over matches; label (cross-entropy) over all moments.

    Without any match (no query has a relevant moment) span and giou are 0, not the NaN of an empty mean.
    """
    samples, predictions, positions = match(moments, targets.spans, weights)
    predicted = moments.spans[samples, predictions]
    truth = torch.cat(targets.spans)[positions]
    overlap = generalised_iou(to_bounds(predicted), to_bounds(truth)).diagonal()
    labels = torch.ones(moments.logits.shape[:2], dtype=torch.long, device=predicted.device)
    labels[samples, predictions] = 0
    # Mean over all moments; cross_entropy's own mean would divide by the sum of class weights.
    weight = torch.tensor([1.0, weights.background], device=predicted.device)
    label = functional.cross_entropy(moments.logits.transpose(1, 2), labels, weight, reduction="none").mean()
    nothing = predicted.sum()  # of no rows, but with a gradient: all processes add the same terms
    return {
        "loss_span": functional.l1_loss(predicted, truth) if len(samples) else nothing,
        "loss_giou": (1 - overlap).mean() if len(samples) else nothing,
        "loss_label": label,
    }


def saliency_loss(outputs: Outputs, targets: Targets, video_mask: Tensor, margin: float) -> Tensor:
    """Hinge between clip pairs, plus ranking against all clips, plus low scores for queries of other videos."""
    positive = outputs.saliency
    difference = positive.gather(1, targets.lower) - positive.gather(1, targets.higher)
    hinge = 2 * (margin + difference).clamp(min=0).mean()
    if outputs.negative_saliency is None:
        return hinge + ranking_loss(positive, targets.saliency, video_mask)
    counted = video_mask & targets.has_negative.unsqueeze(1)
    negative = (functional.softplus(outputs.negative_saliency) * counted).sum(dim=1).mean()
    scores = torch.cat([positive, outputs.negative_saliency], dim=1)
    labels = torch.cat([targets.saliency, torch.zeros_like(targets.saliency)], dim=1)
    return hinge + negative + ranking_loss(scores, labels, torch.cat([video_mask, counted], dim=1))


def ranking_loss(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Contrast, for each rank, the clips labelled at least that high with all clips; each argument is (B, L)."""
    logits = scores.masked_fill(~mask, -1e3) / TEMPERATURE
    logits = logits - logits.amax(dim=1, keepdim=True).detach()
    log_probability = logits - torch.log(logits.exp().sum(dim=1, keepdim=True) + 1e-6)
    above = torch.stack([labels >= rank for rank in RANKS]).to(scores.dtype)
    count = above.sum(dim=2)
    mean = (above * log_probability).sum(dim=2) / (count + 1e-6)
    return -(mean * (count > 0)).mean(dim=1).sum() / RANK_DIVISOR
