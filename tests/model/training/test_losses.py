"""The criterion on cases small enough to work out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from model.config import LossConfig
from model.network.spans import generalised_iou, to_bounds
from model.network.tensors import Moments, Outputs, Proposals
from model.training.losses import (
    Targets,
    alignment_loss,
    compute_losses,
    moment_losses,
    proposal_losses,
    ranking_loss,
    saliency_loss,
    weigh_terms,
)
from model.training.matcher import match


def targets(spans: list[list[list[float]]], clips: int = 3) -> Targets:
    count = len(spans)
    return Targets(
        spans=[torch.tensor(item).reshape(-1, 2) for item in spans],
        saliency=torch.zeros(count, clips),
        higher=torch.zeros(count, 1, dtype=torch.long),
        lower=torch.ones(count, 1, dtype=torch.long),
        has_negative=torch.ones(count, dtype=torch.bool),
    )


def test_generalised_iou() -> None:
    a = torch.tensor([[0.0, 2.0]])
    b = torch.tensor([[1.0, 3.0], [4.0, 6.0], [0.0, 2.0]])
    # Overlap 1 of a union of 3; apart by 2 in a hull of 6; equal.
    torch.testing.assert_close(generalised_iou(a.expand(3, 2), b), torch.tensor([1 / 3, -2 / 6, 1.0]))
    pairs = generalised_iou(torch.cat([a, b]).unsqueeze(1), b)
    torch.testing.assert_close(pairs[:2, 0], torch.tensor([1 / 3, 1.0]))
    assert pairs.shape == (4, 3) and torch.equal(pairs[1:], pairs[1:].t())
    # Center and width to start and end.
    assert to_bounds(torch.tensor([[2.0, 2.0], [5.0, 1.0]])).tolist() == [[1.0, 3.0], [4.5, 5.5]]


def test_matcher_takes_the_cheapest_assignment() -> None:
    """In each of two sets, the second in the opposite order; the middle sample has no true moment."""
    spans = torch.tensor([[[0.8, 0.2], [0.2, 0.2], [0.5, 0.2]]] * 3)
    moments = Moments(torch.zeros(2, 3, 3, 2), torch.stack([spans, spans.flip(1)]))
    truth = [torch.tensor([[0.22, 0.2], [0.78, 0.2]]), torch.zeros(0, 2), torch.tensor([[0.6, 0.1]])]
    samples, predictions = match(moments, truth, LossConfig())
    assert samples.tolist() == [0, 0, 2]
    assert predictions.tolist() == [[1, 0, 2], [1, 2, 0]]


def test_moment_terms() -> None:
    spans = torch.tensor([[[[0.5, 0.4], [0.9, 0.1]]]])
    logits = torch.tensor([[[[2.0, 0.0], [0.0, 0.0]]]])
    terms = moment_losses(Moments(logits, spans), targets([[[0.5, 0.2]]]).spans, LossConfig())
    assert terms["loss_span"].item() == pytest.approx((0.0 + 0.2) / 2)
    assert terms["loss_giou"].item() == pytest.approx(1 - 0.2 / 0.4)
    # Foreground is class 0; the mean is over both moments and not divided by the class weights.
    expected = (math.log(1 + math.exp(-2)) + 0.1 * math.log(2)) / 2
    assert terms["loss_label"].item() == pytest.approx(expected, rel=1e-5)


def test_without_a_true_moment_only_the_label_is_learnt() -> None:
    """The mean over no match would be NaN: span and giou are 0, and every prediction is background."""
    spans = torch.tensor([[[[0.5, 0.4], [0.9, 0.1]]]], requires_grad=True)
    logits = torch.tensor([[[[2.0, 0.0], [0.0, 0.0]]]], requires_grad=True)
    terms = moment_losses(Moments(logits, spans), targets([[]]).spans, LossConfig())
    assert terms["loss_span"].item() == terms["loss_giou"].item() == 0
    # Background is class 1, whose weight is 0.1.
    expected = 0.1 * (math.log(1 + math.exp(2)) + math.log(2)) / 2
    assert terms["loss_label"].item() == pytest.approx(expected, rel=1e-5)
    sum(terms.values()).backward()
    assert spans.grad is not None and not spans.grad.any()


def test_saliency_terms() -> None:
    outputs = Outputs([], torch.tensor([[1.0, 0.9, 0.0]]), torch.tensor([[0.0, 1.0, 5.0]]), [])
    mask = torch.tensor([[True, True, False]])
    loss = saliency_loss(outputs, targets([[[0.5, 0.2]]]), mask, margin=0.2)
    hinge = 2 * (0.2 + 0.9 - 1.0)
    negative = math.log(2) + math.log(1 + math.e)  # the third clip is padding
    assert loss.item() == pytest.approx(hinge + negative, rel=1e-5)  # no clip is labelled, nothing to rank


def test_negative_term_does_not_overflow() -> None:
    """The reference's log(1 - sigmoid(x)) is infinite from x = 17 on in float32 (qd_detr.md section 0)."""
    outputs = Outputs([], torch.zeros(1, 3), torch.full((1, 3), 200.0), [])
    loss = saliency_loss(outputs, targets([[[0.5, 0.2]]]), torch.ones(1, 3, dtype=torch.bool), margin=0.2)
    assert loss.item() == pytest.approx(2 * 0.2 + 3 * 200.0)


def test_ranking_loss_against_a_loop() -> None:
    """qd_detr.md section 5, thresholds 1 to 11, divided by 12."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 6, generator=generator)
    labels = torch.randint(0, 13, (4, 6), generator=generator).float()
    labels[3] = 0
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[1, 4:] = False
    labels[1, 4:] = 0
    total = 0.0
    for rank in range(1, 12):
        per_sample = []
        for row in range(4):
            x = [scores[row, i].item() / 0.5 if mask[row, i] else -1e3 / 0.5 for i in range(6)]
            log_sum = math.log(sum(math.exp(value - max(x)) for value in x) + 1e-6)
            above = [i for i in range(6) if labels[row, i] >= rank]
            mean = sum(x[i] - max(x) - log_sum for i in above) / (len(above) + 1e-6) if above else 0.0
            per_sample.append(-mean)
        total += sum(per_sample) / 4
    assert ranking_loss(scores, labels, mask).item() == pytest.approx(total / 12, rel=1e-4)


def test_total_is_the_weighted_sum_over_decoder_layers() -> None:
    moments = [Moments(torch.zeros(1, 2, 2), torch.tensor([[[0.5, 0.4], [0.9, 0.1]]])) for _ in range(2)]
    outputs = Outputs(moments, torch.zeros(1, 3), None, [])
    weights = LossConfig(span=2.0, giou=3.0, label=5.0, saliency=7.0)
    terms = compute_losses(outputs, targets([[[0.5, 0.2]]]), torch.ones(1, 3, dtype=torch.bool), weights)
    expected = 7 * terms["loss_saliency"]
    for suffix in ("", "_0"):
        expected = expected + 2 * terms[f"loss_span{suffix}"] + 3 * terms[f"loss_giou{suffix}"]
        expected = expected + 5 * terms[f"loss_label{suffix}"]
    torch.testing.assert_close(weigh_terms(terms, weights), expected)


def test_proposal_terms() -> None:
    """Clips 0 and 1 lie in the first moment, clip 3 in the second; the third is shorter than a clip and holds none."""
    centers = torch.tensor([[0.125, 0.375, 0.625, 0.875]])
    spans = torch.tensor([[[0.25, 0.5], [0.25, 0.3], [0.5, 0.5], [0.9, 0.2]]])
    logits = torch.tensor([[1.0, 0.0, -1.0, 2.0]])
    truth = targets([[[0.25, 0.5], [0.9, 0.2], [0.5, 0.1]]], clips=4)
    terms = proposal_losses(Proposals(logits, spans, centers), truth, torch.ones(1, 4, dtype=torch.bool))
    # Mean over the two clips of the first moment, then over three moments.
    assert terms["loss_span_proposal"].item() == pytest.approx((0.0 + 0.1) / 2 / 3)
    assert terms["loss_giou_proposal"].item() == pytest.approx((0.0 + 1 - 0.3 / 0.5) / 2 / 3, rel=1e-5)
    signs = (-1.0, 0.0, -1.0, -2.0)
    expected = sum(math.log(1 + math.exp(sign)) for sign in signs) / 4
    assert terms["loss_label_proposal"].item() == pytest.approx(expected, rel=1e-5)


def test_proposals_without_a_moment_learn_that_there_is_none() -> None:
    spans = torch.full((1, 2, 2), 0.5, requires_grad=True)
    found = Proposals(torch.zeros(1, 2), spans, torch.tensor([[0.25, 0.75]]))
    terms = proposal_losses(found, targets([[]], clips=2), torch.ones(1, 2, dtype=torch.bool))
    assert terms["loss_span_proposal"].item() == terms["loss_giou_proposal"].item() == 0
    assert terms["loss_label_proposal"].item() == pytest.approx(math.log(2))
    sum(terms.values()).backward()
    assert spans.grad is not None and not spans.grad.any()


def test_alignment_term() -> None:
    """Only the first clip is relevant; the third is padding; the second video has no negative query."""
    truth = targets([[], []])
    truth.saliency[:, 0] = 3.0
    truth.has_negative[1] = False
    mask = torch.tensor([[True, True, False]] * 2)
    positive = torch.tensor([[2.0, -1.0, 50.0]] * 2)
    negative = torch.tensor([[1.0, 0.0, 50.0]] * 2)
    own = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))
    other = math.log(1 + math.e) + math.log(2)
    assert alignment_loss(positive, negative, truth, mask).item() == pytest.approx((own + own + other) / 4, rel=1e-5)
    assert alignment_loss(positive, None, truth, mask).item() == pytest.approx(own / 2, rel=1e-5)


def test_denoising_groups_are_matched_one_by_one() -> None:
    """Two groups of one sample: the mean over both of what each alone gives."""
    spans = torch.tensor([[[[0.5, 0.4], [0.9, 0.1]], [[0.1, 0.1], [0.5, 0.2]]]])
    logits = torch.zeros(1, 2, 2, 2)
    truth = targets([[[0.5, 0.2]]])
    own = Moments(logits[:, 0], spans[:, 0])
    outputs = Outputs([own], torch.zeros(1, 3), None, [], denoised=[Moments(logits, spans)])
    terms = compute_losses(outputs, truth, torch.ones(1, 3, dtype=torch.bool), LossConfig())
    assert terms["loss_span"].item() == pytest.approx(0.1)
    assert terms["loss_span_denoised_0"].item() == pytest.approx((0.1 + 0.0) / 2, abs=1e-6)
