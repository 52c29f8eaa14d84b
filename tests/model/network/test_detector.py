"""The network as a whole: size, shapes, the pairing with queries of other videos."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from model.config import ModelConfig
from model.network.detector import HighlightDetector
from model.network.tensors import InputDims, Inputs
from model.training.batches import other_video

Build = Callable[..., HighlightDetector]
TEXT_POSITIONS = 32 * 256 + 2 * 256
"""QD-DETR holds a table of 32 text positions and a layer norm, which its default never reads (qd_detr.md 4.1)."""


@pytest.mark.parametrize(("video", "expected"), [(514, 6_991_141), (2818, 7_585_573), (4868, 8_114_473)])
def test_size_is_that_of_qd_detr_without_what_it_never_reads(video: int, expected: int) -> None:
    """Parameter counts of the public model for CLIP, SlowFast + CLIP, and those + PANN (qd_detr.md 4.7)."""
    network = HighlightDetector(ModelConfig(fusion="none"), InputDims(video=video, text=512, audio=0))
    assert sum(p.numel() for p in network.parameters()) == expected - TEXT_POSITIONS


def test_output_shapes(build: Build, inputs: Inputs) -> None:
    outputs = build(num_queries=4, decoder_layers=3)(inputs, torch.tensor([1, 2, 0]))
    assert [tuple(m.spans.shape) for m in outputs.moments] == [(3, 4, 2)] * 3
    assert outputs.saliency.shape == (3, 7)
    assert outputs.negative_saliency is not None and outputs.negative_saliency.shape == (3, 7)
    assert len(outputs.gates) == 2
    assert ((outputs.moments[-1].spans > 0) & (outputs.moments[-1].spans < 1)).all()


def test_negative_saliency_is_that_of_the_other_query(build: Build, inputs: Inputs) -> None:
    network = build()
    negative = network(inputs, torch.tensor([1, 2, 0])).negative_saliency
    swapped = Inputs(
        inputs.video,
        inputs.video_mask,
        inputs.text[[1, 2, 0]],
        inputs.text_mask[[1, 2, 0]],
        inputs.audio,
        inputs.audio_mask,
    )
    torch.testing.assert_close(negative, network(swapped).saliency)


def test_fusion_none_ignores_audio(build: Build, inputs: Inputs) -> None:
    network = build(fusion="none")
    silent = Inputs(inputs.video, inputs.video_mask, inputs.text, inputs.text_mask, None, None)
    assert torch.equal(network(inputs).saliency, network(silent).saliency)
    assert network(inputs).gates == []


def test_other_video_never_pairs_a_video_with_itself() -> None:
    """Rolling the batch by one, as the reference does, takes a query of the same video as a negative one."""
    index, has = other_video(["a", "a", "b", "a"])
    assert index.tolist() == [2, 2, 3, 2]
    assert has.tolist() == [True] * 4
    index, has = other_video(["a", "a"])
    assert has.tolist() == [False, False]
