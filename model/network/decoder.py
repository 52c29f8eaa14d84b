"""The moment decoder of QD-DETR, a one-dimensional DAB-DETR decoder: each layer refines anchors (center, width)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.network.cpu_layers import Dropout, Linear, PReLU, scaled_attention
from model.network.joined import activate, add_and_norm
from model.network.layers import Mlp
from model.network.positions import encode_spans
from model.network.spans import inverse_sigmoid


class DecoderLayer(nn.Module):
    """Self-attention among moments, then cross-attention to clips by content and by position.

    Only the first layer adds a projection of the anchor to the content query (`query_from_anchor`).
    """

    def __init__(self, dim: int, n_heads: int, feedforward_dim: int, dropout: float, query_from_anchor: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_dropout = dropout
        self.self_query = Linear(dim, dim)
        self.self_query_position = Linear(dim, dim)
        self.self_key = Linear(dim, dim)
        self.self_key_position = Linear(dim, dim)
        self.self_value = Linear(dim, dim)
        self.self_out = Linear(dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_query = Linear(dim, dim)
        self.cross_query_position = Linear(dim, dim) if query_from_anchor else None
        self.cross_query_sine = Linear(dim, dim)
        self.cross_key = Linear(dim, dim)
        self.cross_key_position = Linear(dim, dim)
        self.cross_value = Linear(dim, dim)
        self.cross_out = Linear(dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.linear1 = Linear(dim, feedforward_dim)
        self.linear2 = Linear(feedforward_dim, dim)
        self.norm3 = nn.LayerNorm(dim)
        self.activation = PReLU()
        self.dropout = Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        anchor: Tensor,
        sine: Tensor,
        memory: Tensor,
        memory_mask: Tensor,
        memory_position: Tensor,
        groups: int,
    ) -> Tensor:
        """One refinement.

        Args:
            groups: equal groups that the N moments form; attention among moments stays within a group.
            x: (B, N, D) content of the moments.
            anchor: (B, N, D) encoding of their anchors; sine: (B, N, D) the modulated sine part of it.
            memory, memory_position: (B, L, D) clips; memory_mask: (B, L) True = valid.
        """
        query = self.self_query(x) + self.self_query_position(anchor)
        key = self.self_key(x) + self.self_key_position(anchor)
        query, key, value = (part.unflatten(1, (groups, -1)).flatten(0, 1) for part in (query, key, self.self_value(x)))
        attended = self._attend([query], [key], value, None).view_as(x)
        _, x = add_and_norm(x, attended, self.dropout, self.norm1, self.self_out)

        query = self.cross_query(x)
        key = self.cross_key(memory)
        key_position = self.cross_key_position(memory_position)
        if self.cross_query_position is not None:
            query = query + self.cross_query_position(anchor)
            key = key + key_position
        attended = self._attend(
            [query, self.cross_query_sine(sine)], [key, key_position], self.cross_value(memory), memory_mask
        )
        _, x = add_and_norm(x, attended, self.dropout, self.norm2, self.cross_out)
        hidden = activate(x, self.linear1, self.activation, self.dropout)
        return add_and_norm(x, hidden, self.dropout, self.norm3, self.linear2)[1]

    def _attend(self, queries: list[Tensor], keys: list[Tensor], value: Tensor, mask: Tensor | None) -> Tensor:
        """Multi-head attention; the parts of a query (and of a key) are concatenated within each head."""
        heads = [self._heads(parts) for parts in (queries, keys, [value])]
        attended = scaled_attention(
            heads[0], heads[1], heads[2], mask, self.attention_dropout if self.training else 0.0
        )
        return attended.transpose(1, 2).flatten(2)

    def _heads(self, parts: list[Tensor]) -> Tensor:
        """Concatenate parts (B, N, D) per head, to (B, heads, N, parts * D / heads)."""
        split = [part.unflatten(2, (self.n_heads, -1)) for part in parts]
        return (split[0] if len(split) == 1 else torch.cat(split, dim=-1)).transpose(1, 2)


class MomentDecoder(nn.Module):
    """All decoder layers, and the heads that they share."""

    def __init__(self, dim: int, n_heads: int, feedforward_dim: int, dropout: float, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(dim, n_heads, feedforward_dim, dropout, query_from_anchor=index == 0)
            for index in range(layers)
        )
        self.norm = nn.LayerNorm(dim)
        self.query_scale = Mlp(dim, dim, dim)
        self.anchor_head = Mlp(dim, dim, dim)
        self.width_head = Mlp(dim, dim, 1)
        self.span_head = Mlp(dim, dim, dim, 2)

    def forward(
        self, anchors: Tensor, memory: Tensor, memory_mask: Tensor, memory_position: Tensor, groups: int
    ) -> tuple[Tensor, Tensor]:
        """Refine anchors (B, N, 2): center and width as fractions of the video, in equal groups that do not mix.

        Returns:
            the normed states of each layer (layers, B, N, D), and the anchors that it started from (layers, B, N, 2).
        """
        dim = memory.shape[-1]
        x = memory.new_zeros(*anchors.shape[:2], dim)
        states: list[Tensor] = []
        started: list[Tensor] = [anchors]
        for index, layer in enumerate(self.layers):
            sine = encode_spans(anchors, dim)
            anchor = self.anchor_head(sine)
            scale = self.width_head(x).sigmoid() / anchors[..., 1:]
            modulated = sine * scale if index == 0 else sine * self.query_scale(x) * scale
            x = layer(x, anchor, modulated, memory, memory_mask, memory_position, groups)
            states.append(x)
            if index + 1 < len(self.layers):
                refined = (self.span_head(x) + inverse_sigmoid(anchors)).sigmoid()
                started.append(refined)
                # The next layer starts from this result, but its gradient does not flow back through it.
                anchors = refined.detach()
        return self.norm(torch.stack(states)), torch.stack(started)
