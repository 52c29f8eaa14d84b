"""Multi-head attention with masks, of whole layers and of heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network import cpu_blocks
from model.network.cpu_layers import dropout, is_plain, linear


class Attention(nn.MultiheadAttention):
    """Multi-head attention over (B, L, D) that does not compute averaged attention weights."""

    def __init__(self, dim: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__(dim, n_heads, dropout=dropout, batch_first=True)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Queries (B, N, D) to keys and values (B, L, D). Returns (B, N, D).

        A tensor that is passed twice is projected once.

        Args:
            mask: (B, L), or (B, 1 or N, L) for a mask per query; True = valid.
        """
        weight, bias, dim = self.in_proj_weight, self.in_proj_bias, self.embed_dim
        projected: list[Tensor] = []
        first = 0
        for given in _group([query, key, value]):
            rows = slice(first, first + len(given) * dim)
            projected += linear(given[0], weight[rows], bias[rows]).chunk(len(given), dim=-1)
            first = rows.stop
        heads = [x.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for x in projected]
        attended = scaled_attention(heads[0], heads[1], heads[2], mask, self.dropout if self.training else 0.0)
        return linear(attended.transpose(1, 2).flatten(2), self.out_proj.weight, self.out_proj.bias)


def _group(tensors: list[Tensor]) -> list[list[Tensor]]:
    """Group neighbours that are the same tensor."""
    groups: list[list[Tensor]] = []
    for tensor in tensors:
        if groups and groups[-1][0] is tensor:
            groups[-1].append(tensor)
        else:
            groups.append([tensor])
    return groups


def scaled_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, probability: float) -> Tensor:
    """Attention of heads (B, H, N, D) over (B, H, L, D); dropout of the weights.

    Args:
        mask: (B, L), or (B, 1 or N, L) for a mask per query; True = valid.
    """
    shown = mask if mask is None or mask.dim() == 3 else mask.unsqueeze(1)
    if probability == 0.0 or query.device.type != "cpu":
        shown = None if shown is None else shown.unsqueeze(1)
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=shown, dropout_p=probability)
    # `@` of four dimensions does the same in three times as many calls.
    flat, keys, values = (x.flatten(0, 1) for x in (query, key, value))
    hidden, weight = flat.new_zeros(1, 1, 1), 0
    if shown is not None:
        hidden = flat.new_zeros(shown.shape).masked_fill_(~shown, float("-inf"))
        hidden, weight = hidden.repeat_interleave(query.shape[1], dim=0), 1
    if is_plain(query):
        attended = cpu_blocks.attend(flat, keys, values, hidden if weight else None, probability)
        return attended.view(*query.shape[:3], -1)
    scores = torch.baddbmm(hidden, flat, keys.transpose(1, 2), beta=weight, alpha=flat.shape[-1] ** -0.5)
    return torch.bmm(dropout(scores.softmax(-1), probability, True), values).view(*query.shape[:3], -1)
