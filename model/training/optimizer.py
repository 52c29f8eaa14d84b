"""Gradient clipping and AdamW on all weights at once.

A network has hundreds of weights, and a small one takes longer to call for each of them than to compute: joined in one
tensor, the 354 weights of the demo's network take a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW

from model.config import TrainConfig


class JoinedAdamW:
    """AdamW on one tensor, of which the network's weights become views.

    A weight that has no gradient after the first backward pass, such as those of the decoder if only saliency is
    learnt, is left out, so that it does not decay.
    """

    def __init__(self, network: nn.Module, config: TrainConfig) -> None:
        self._weights = dict(network.named_parameters())
        self._config = config
        self._learnt: list[str] = []
        self._joined = nn.Parameter(torch.empty(0))
        self._adamw: AdamW | None = None

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for weight in self._weights.values():
            weight.grad = None

    def join_gradients(self) -> Tensor:
        """The gradients of all weights, (numbers,), for `step`."""
        if self._adamw is None:
            self._adamw = self._join(name for name, weight in self._weights.items() if weight.grad is not None)
        gradients = [gradient for name in self._learnt if (gradient := self._weights[name].grad) is not None]
        return torch.cat([gradient.reshape(-1) for gradient in gradients])

    def step(self, gradient: Tensor, rate: float) -> None:
        """Clip the gradient (numbers,) in place, and update the weights at a learning rate."""
        if self._adamw is None:
            raise RuntimeError("join_gradients comes first")
        self._joined.grad = gradient
        clip_grad_norm_(self._joined, self._config.gradient_clip)
        for group in self._adamw.param_groups:
            group["lr"] = rate
        self._adamw.step()

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors, for `load_state_dict`."""
        return {"learnt": self._learnt, "adamw": None if self._adamw is None else self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; the weights are those that the network has now."""
        adamw = self._join(state["learnt"])
        adamw.load_state_dict(state["adamw"])
        self._adamw = adamw

    def _join(self, names: Iterable[str]) -> AdamW:
        self._learnt = list(names)
        weights = [self._weights[name] for name in self._learnt]
        self._joined = nn.Parameter(torch.cat([weight.detach().reshape(-1) for weight in weights]))
        parts = self._joined.detach().split([weight.numel() for weight in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.data = part.view_as(weight)
        config = self._config
        return AdamW([self._joined], lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
