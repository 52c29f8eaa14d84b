"""The two encoders of QD-DETR: text-to-video cross-attention, then self-attention over global token and clips; and
an optional product of clips and query in front of them.

Tensors are (B, L, D); masks are (B, L) bool with True = valid. Positions are added to queries and keys only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from model.network.cpu_layers import Attention, Dropout, Linear, PReLU
from model.network.joined import activate, add_and_norm


class TextToVideoLayer(nn.Module):
    """Clips attend to the words of the query.

    The first norm feeds only the feed-forward branch (the residual bypasses it), as in QD-DETR.
    """

    def __init__(self, dim: int, n_heads: int, feedforward_dim: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(dim, n_heads, dropout)
        self.linear1 = Linear(dim, feedforward_dim)
        self.linear2 = Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.activation = PReLU()
        self.dropout = Dropout(dropout)

    def forward(self, video: Tensor, text: Tensor, text_mask: Tensor, video_position: Tensor) -> Tensor:
        """Returns the clips (B, L, D), each informed by the text (B, T, D)."""
        placed = video + video_position
        attended = self.attention.attend(placed, text, text, text_mask)
        video, normed = add_and_norm(video, attended, self.dropout, self.norm1)
        hidden = activate(normed, self.linear1, self.activation, self.dropout)
        return add_and_norm(video, hidden, self.dropout, self.norm2, self.linear2)[1]


class QueryProduct(nn.Module):
    """Adds to each clip its product with the query, channel by channel (`model.query_product`).

    Whether a clip matches the query is a product of both. The feed-forward layers after attention have to learn to
    multiply; here they need not (bilinear pooling, Kim et al., ICLR 2017).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.word_weight = Linear(dim, 1)
        self.clip = Linear(dim, dim)
        self.query = Linear(dim, dim)
        self.out = Linear(dim, dim)
        self.bias = nn.Parameter(torch.tensor(-1.0))

    def forward(self, video: Tensor, text: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the clips (B, L, D), each with its product with a weighted mean of the words (B, T, D); and the
        alignment (B, L), the sum of the product's channels, which `train.loss.alignment` trains.
        """
        weights = self.word_weight(text).masked_fill(~text_mask.unsqueeze(-1), float("-inf")).softmax(dim=1)
        query = (weights * text).sum(dim=1, keepdim=True)
        product = self.clip(video) * self.query(query)
        return video + self.out(product), product.sum(dim=-1) / math.sqrt(product.shape[-1]) + self.bias


class EncoderLayer(nn.Module):
    """Post-norm self-attention."""

    def __init__(self, dim: int, n_heads: int, feedforward_dim: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(dim, n_heads, dropout)
        self.linear1 = Linear(dim, feedforward_dim)
        self.linear2 = Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.activation = PReLU()
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, position: Tensor) -> Tensor:
        """(B, L, D) to (B, L, D)."""
        placed = x + position
        attended = self.attention.attend(placed, placed, x, mask)
        _, x = add_and_norm(x, attended, self.dropout, self.norm1)
        hidden = activate(x, self.linear1, self.activation, self.dropout)
        return add_and_norm(x, hidden, self.dropout, self.norm2, self.linear2)[1]
