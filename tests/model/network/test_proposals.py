"""Anchors that the clips propose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from model.network.detector import HighlightDetector
from model.network.proposals import ProposalHead, choose_anchors
from model.network.tensors import Inputs, Proposals

Build = Callable[..., HighlightDetector]


def proposals(scores: list[float], clips: int) -> Proposals:
    """Each clip of one video proposes a moment as wide as itself times its number, counted from 1."""
    count = len(scores)
    centers = (torch.arange(count) + 0.5) / clips
    widths = torch.arange(1, count + 1) / clips
    return Proposals(torch.tensor([scores]), torch.stack([centers, widths], dim=1).unsqueeze(0), centers.unsqueeze(0))


def test_a_proposal_reaches_from_its_clip() -> None:
    """Softplus of 1 is 1.313 clips to either side, cut at the ends of the video; masked clips do not count."""
    head = ProposalHead(4)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    found = head(torch.zeros(1, 6, 4), torch.tensor([[True] * 4 + [False] * 2]))
    reach = torch.nn.functional.softplus(torch.tensor(1.0)).item() / 4
    assert found.centers[0, :4].tolist() == [0.125, 0.375, 0.625, 0.875]
    first, second = found.spans[0, :2].tolist()
    assert first == pytest.approx([(0.125 + reach) / 2, 0.125 + reach])
    assert second == pytest.approx([0.375 + (reach - 0.375 if reach > 0.375 else 0) / 2, min(reach, 0.375) + reach])


def test_peaks_come_first() -> None:
    """Clip 3 has the second best score, but is a neighbour of the best: clip 1, a peak, goes before it."""
    found = proposals([-1.0, 0.0, -2.0, 2.0, 3.0, -3.0], clips=6)
    anchors = choose_anchors(found, torch.ones(1, 6, dtype=torch.bool), torch.full((3, 2), 0.9))
    # Clips 4, 1 and 3, in this order: center (i + 0.5) / 6, width (i + 1) / 6.
    torch.testing.assert_close(anchors, torch.tensor([[[4.5, 5.0], [1.5, 2.0], [3.5, 4.0]]]) / 6)


def test_places_without_a_clip_keep_the_learnt_anchors() -> None:
    """Two clips have a picture, so two of four anchors are proposed, whether the batch is padded or not."""
    learnt = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]])
    short = choose_anchors(proposals([1.0, 0.0], 2), torch.ones(1, 2, dtype=torch.bool), learnt)
    padded = choose_anchors(
        proposals([1.0, 0.0, 9.0, 9.0, 9.0], 2), torch.tensor([[True, True, False, False, False]]), learnt
    )
    torch.testing.assert_close(short, torch.tensor([[[0.25, 0.5], [0.75, 1.0], [0.5, 0.6], [0.7, 0.8]]]))
    assert torch.equal(short, padded)


def test_an_anchor_has_at_least_one_clip() -> None:
    found = Proposals(torch.zeros(1, 4), torch.zeros(1, 4, 2), (torch.arange(4) + 0.5).unsqueeze(0) / 4)
    anchors = choose_anchors(found, torch.ones(1, 4, dtype=torch.bool), torch.full((2, 2), 0.9))
    assert anchors[..., 1].tolist() == [[0.25, 0.25]]


def test_other_videos_of_the_batch_change_nothing(build: Build, inputs: Inputs) -> None:
    network = build(anchors="proposed", query_product=True, num_queries=6)
    whole = network(inputs)
    assert whole.proposals is not None and whole.alignment is not None
    for row, clips in enumerate((7, 5, 4)):
        one = slice(row, row + 1)
        alone = network(
            Inputs(
                inputs.video[one, :clips],
                inputs.video_mask[one, :clips],
                inputs.text[one],
                inputs.text_mask[one],
                inputs.audio[one, :clips] if inputs.audio is not None else None,
                inputs.audio_mask[one, :clips] if inputs.audio_mask is not None else None,
            )
        )
        torch.testing.assert_close(alone.moments[-1].spans[0], whole.moments[-1].spans[row], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone.alignment[0], whole.alignment[row, :clips], rtol=1e-4, atol=1e-5)


def test_groups_of_starting_points_do_not_mix(build: Build, inputs: Inputs) -> None:
    """Moments are those without denoising groups, and those of one group do not depend on the other group."""
    network = build(num_queries=4)
    starts = torch.rand(3, 2, 4, 2).clamp(0.05, 0.9)
    plain, both = network(inputs), network(inputs, starts=starts)
    assert plain.denoised == []
    torch.testing.assert_close(both.moments[-1].spans, plain.moments[-1].spans)
    assert both.denoised[-1].spans.shape == (3, 2, 4, 2)
    second = network(inputs, starts=starts[:, 1:])
    torch.testing.assert_close(second.denoised[-1].spans, both.denoised[-1].spans[:, 1:])
    # Starting points are used: the same ones as the anchors' give the same moments.
    anchors = network.anchors.sigmoid().expand(3, 1, -1, -1)
    same = network(inputs, starts=anchors)
    torch.testing.assert_close(same.denoised[-1].spans[:, 0], plain.moments[-1].spans)


def test_the_alignment_is_that_of_clip_and_query(build: Build, inputs: Inputs) -> None:
    """Masked words count nothing, and the negative pairing has an alignment of its own."""
    network = build(query_product=True)
    outputs = network(inputs, torch.tensor([1, 2, 0]))
    swapped = replace(inputs, text=inputs.text[[1, 2, 0]], text_mask=inputs.text_mask[[1, 2, 0]])
    torch.testing.assert_close(outputs.negative_alignment, network(swapped).alignment)
    filled = inputs.text.masked_fill(~inputs.text_mask.unsqueeze(-1), 100.0)
    torch.testing.assert_close(network(replace(inputs, text=filled)).alignment, outputs.alignment)
    assert build()(inputs).alignment is None
