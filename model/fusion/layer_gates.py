"""What the gates of one layer did: the result that is logged and drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from model.fusion.gates import GateValues


@dataclass(frozen=True)
class LayerGates:
    """What a layer's gates did.

    Attributes:
        values: the gates.
        mha_contribution, ffn_contribution: (B, L) size of the gated update against the size of what it is added to,
            |gate * delta| / |x|.
    """

    values: GateValues
    mha_contribution: Tensor
    ffn_contribution: Tensor


@torch.no_grad()
def contribution(update: Tensor, base: Tensor) -> Tensor:
    """Size of an update (B, L, D) against what it is added to, (B, L)."""
    return update.norm(dim=-1) / base.norm(dim=-1).clamp(min=1e-6)
