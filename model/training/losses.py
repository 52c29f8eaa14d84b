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
    """Every term, unweighted.

    The terms of earlier decoder layers end in `_0`, `_1`..., those of denoising groups in `_denoised_0`..., those of
    proposals in `_proposal`.
    """
    terms: dict[str, Tensor] = {}
    if outputs.moments:
        terms |= layer_losses(outputs.moments, outputs.denoised, targets.spans, weights)
    if outputs.proposals is not None:
        terms |= proposal_losses(outputs.proposals, targets, video_mask)
    if outputs.moments and outputs.alignment is not None and weights.alignment:
        terms["loss_alignment"] = alignment_loss(outputs.alignment, outputs.negative_alignment, targets, video_mask)
    terms["loss_saliency"] = saliency_loss(outputs, targets, video_mask, weights.margin)
    return terms


def weigh_terms(terms: dict[str, Tensor], weights: LossConfig) -> Tensor:
    """The weighted sum of terms; their names select the weights."""
    factor = asdict(weights)
    values = torch.stack(list(terms.values()))
    return (values * values.new_tensor([factor[name.split("_")[1]] for name in terms])).sum()


def layer_losses(
    layers: list[Moments], denoised: list[Moments], spans: list[Tensor], weights: LossConfig
) -> dict[str, Tensor]:
    """The terms of every decoder layer, and of the denoising groups in each (the mean over groups)."""
    sets = Moments(_join_sets(layers, denoised, "logits"), _join_sets(layers, denoised, "spans"))
    found = moment_losses(sets, spans, weights)
    # Per layer: the set that counts as its prediction, then the groups.
    by_layer = {name: values.view(len(layers), -1) for name, values in found.items()}
    own = {name: values[:, 0].unbind() for name, values in by_layer.items()}
    ends = [*(f"_{index}" for index in range(len(layers) - 1)), ""]
    terms = {f"{name}{end}": own[name][index] for index, end in enumerate(ends) for name in own}
    if denoised:
        groups = {name: values[:, 1:].mean(dim=1).unbind() for name, values in by_layer.items()}
        terms |= {f"{name}_denoised_{index}": groups[name][index] for index in range(len(layers)) for name in groups}
    return terms


def _join_sets(layers: list[Moments], denoised: list[Moments], name: str) -> Tensor:
    """One tensor of all sets of N moments, (layers * (1 + G), B, N, 2)."""
    joined = torch.stack([getattr(layer, name) for layer in layers]).unsqueeze(1)
    if denoised:
        groups = torch.stack([getattr(layer, name) for layer in denoised])  # (layers, B, G, N, 2)
        joined = torch.cat([joined, groups.transpose(1, 2)], dim=1)
    return joined.flatten(0, 1)


def moment_losses(moments: Moments, spans: list[Tensor], weights: LossConfig) -> dict[str, Tensor]:
    """Span (mean absolute error), giou (1 - generalised IoU) over matches; label (cross-entropy) over all moments.

    Without any match (no query has a relevant moment) span and giou are 0, not the NaN of an empty mean.

    Args:
        moments: (S, B, N, ...) S sets, each matched to the true moments on its own.

    Returns:
        each term by set, (S,).
    """
    samples, predictions = match(moments, spans, weights)
    truth = torch.cat(spans)
    place = torch.arange(len(predictions), device=truth.device).unsqueeze(1), samples, predictions
    predicted = moments.spans[place]
    overlap = generalised_iou(to_bounds(predicted), to_bounds(truth))
    labels = torch.ones(moments.logits.shape[:-1], dtype=torch.long, device=truth.device)
    labels[place] = 0
    # Mean over all moments; cross_entropy's own mean would divide by the sum of class weights.
    weight = torch.tensor([1.0, weights.background], device=truth.device)
    label = functional.cross_entropy(moments.logits.flatten(0, -2), labels.flatten(), weight, reduction="none")
    nothing = predicted.sum(dim=(1, 2))  # of no rows, but with a gradient: all processes add the same terms
    return {
        "loss_span": (predicted - truth).abs().mean(dim=(1, 2)) if len(truth) else nothing,
        "loss_giou": (1 - overlap).mean(dim=1) if len(truth) else nothing,
        "loss_label": label.view(len(predictions), -1).mean(dim=1),
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
    above = (labels >= torch.arange(1, RANK_DIVISOR, device=labels.device).view(-1, 1, 1)).to(scores.dtype)
    count = above.sum(dim=2)
    mean = (above * log_probability).sum(dim=2) / (count + 1e-6)
    return -(mean * (count > 0)).mean(dim=1).sum() / RANK_DIVISOR
