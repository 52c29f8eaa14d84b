"""The criterion of QD-DETR: moments (span, giou, label) on every decoder layer, and saliency; and that of proposals."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional

from model.config import LossConfig
from model.network.spans import generalised_iou, to_bounds
from model.network.tensors import Moments, Outputs, Proposals
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
    """Every term, unweighted, and `loss`, their weighted sum.

    The terms of earlier decoder layers end in `_0`, `_1`..., those of denoising groups in `_denoised_0`..., those of
    proposals in `_proposal`.
    """
    last = len(outputs.moments) - 1
    terms: dict[str, Tensor] = {}
    for index, moments in enumerate(outputs.moments):
        suffix = "" if index == last else f"_{index}"
        terms |= {f"{name}{suffix}": value for name, value in moment_losses(moments, targets.spans, weights).items()}
    for index, moments in enumerate(outputs.denoised):
        spans = [of_sample for of_sample in targets.spans for _ in range(len(moments.logits) // len(targets.spans))]
        found = moment_losses(moments, spans, weights)
        terms |= {f"{name}_denoised_{index}": value for name, value in found.items()}
    if outputs.proposals is not None:
        terms |= proposal_losses(outputs.proposals, targets, video_mask)
    if outputs.moments and outputs.alignment is not None and weights.alignment:
        terms["loss_alignment"] = alignment_loss(outputs.alignment, outputs.negative_alignment, targets, video_mask)
    terms["loss_saliency"] = saliency_loss(outputs, targets, video_mask, weights.margin)
    return {"loss": weigh_terms(terms, weights), **terms}


def weigh_terms(terms: dict[str, Tensor], weights: LossConfig) -> Tensor:
    """The weighted sum of terms; their names select the weights."""
    factor = asdict(weights)
    return torch.stack([factor[name.split("_")[1]] * value for name, value in terms.items()]).sum()


def moment_losses(moments: Moments, spans: list[Tensor], weights: LossConfig) -> dict[str, Tensor]:
    """Span (mean absolute error), giou (1 - generalised IoU) over matches; label (cross-entropy) over all moments.

    Without any match (no query has a relevant moment) span and giou are 0, not the NaN of an empty mean.
    """
    samples, predictions, positions = match(moments, spans, weights)
    predicted = moments.spans[samples, predictions]
    truth = torch.cat(spans)[positions]
    overlap = generalised_iou(to_bounds(predicted), to_bounds(truth))
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


def proposal_losses(proposals: Proposals, targets: Targets, video_mask: Tensor) -> dict[str, Tensor]:
    """Span and giou of the proposals inside true moments (mean per moment, then over moments); label: binary
    cross-entropy of being inside one, over all clips (mean per video, then over videos).
    """
    truth = torch.cat(targets.spans)
    counts = torch.tensor([len(spans) for spans in targets.spans], device=truth.device)
    samples = torch.arange(len(counts), device=truth.device).repeat_interleave(counts)
    bounds = to_bounds(truth)
    centers = proposals.centers[samples]
    inside = (centers > bounds[:, :1]) & (centers < bounds[:, 1:]) & video_mask[samples]
    moments, clips = inside.nonzero(as_tuple=True)
    predicted, wanted = proposals.spans[samples[moments], clips], truth[moments]
    overlap = generalised_iou(to_bounds(predicted), to_bounds(wanted))
    share = 1 / (inside.sum(dim=1)[moments] * max(len(truth), 1))
    labels = torch.zeros_like(proposals.logits)
    labels[samples[moments], clips] = 1.0
    label = functional.binary_cross_entropy_with_logits(proposals.logits, labels, reduction="none") * video_mask
    return {
        "loss_span_proposal": (share * (predicted - wanted).abs().mean(dim=1)).sum(),
        "loss_giou_proposal": (share * (1 - overlap)).sum(),
        "loss_label_proposal": (label.sum(dim=1) / video_mask.sum(dim=1)).mean(),
    }


def alignment_loss(positive: Tensor, negative: Tensor | None, targets: Targets, video_mask: Tensor) -> Tensor:
    """Binary cross-entropy of matching the query, over all clips: relevant clips do, all others and all clips of the
    negative pairing do not. Mean per video, then over videos; each argument is (B, L).
    """
    relevant = (targets.saliency > 0).to(positive.dtype)
    loss = functional.binary_cross_entropy_with_logits(positive, relevant, reduction="none")
    if negative is not None:
        loss = loss + functional.softplus(negative) * targets.has_negative.unsqueeze(1)
    return ((loss * video_mask).sum(dim=1) / video_mask.sum(dim=1)).mean()


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
