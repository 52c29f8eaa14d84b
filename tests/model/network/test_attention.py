"""Attention computes what torch's does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from model.network.attention import Attention, scaled_attention


@pytest.mark.parametrize("same", [(0, 1, 2), (0, 0, 1), (0, 1, 1), (0, 0, 0), (0, 1, 0)])
def test_attention(same: tuple[int, ...]) -> None:
    """Whichever of query, key and value are one tensor."""
    torch.manual_seed(0)
    ours, theirs = Attention(8, 2).train(), nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    tensors = [torch.randn(3, 5, 8) for _ in range(3)]
    query, key, value = (tensors[index] for index in same)
    mask = torch.arange(5) < torch.tensor([5, 3, 1])[:, None]
    expected, _ = theirs(query, key, value, key_padding_mask=~mask, need_weights=False)
    torch.testing.assert_close(ours.attend(query, key, value, mask), expected)


def test_attention_drops_weights() -> None:
    """Every weight is dropped or raised by 1 / 0.8; of values of 1 the mean over many draws stays 1."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 50, 4), torch.randn(2, 2, 60, 4)
    mask = torch.arange(60) < torch.tensor([60, 40])[:, None]
    value = torch.ones(2, 2, 60, 1)
    drawn = torch.stack([scaled_attention(query, key, value, mask, 0.2) for _ in range(50)])
    assert drawn.std() > 0.01
    assert drawn.mean().item() == pytest.approx(1.0, abs=0.01)
    exact = scaled_attention(query, key, value, mask, 0.0)
    torch.testing.assert_close(exact, torch.ones_like(exact))
