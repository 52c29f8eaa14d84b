"""Gradient clipping and AdamW on all weights at once.

A network has hundreds of weights, and a small one takes longer to call for each of them than to compute: joined in one
tensor, the 354 weights of the demo's network take a tenth of the time. The update is torch's function; its class would
load torch's compiler first, which takes a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.adamw import adamw

from model.config import TrainConfig

BETAS = (0.9, 0.999)
EPSILON = 1e-8
"""Of AdamW: torch's defaults, which the references use."""


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
        self._moments: dict[str, Tensor] = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for weight in self._weights.values():
            weight.grad = None

    def join_gradients(self) -> Tensor:
        """The gradients of all weights, (numbers,), for `step`."""
        if not self._moments:
            self._join(name for name, weight in self._weights.items() if weight.grad is not None)
        gradients = [gradient for name in self._learnt if (gradient := self._weights[name].grad) is not None]
        return torch.cat([gradient.reshape(-1) for gradient in gradients])

    @torch.no_grad()
    def step(self, gradient: Tensor, rate: float) -> None:
        """Clip the gradient (numbers,) in place, and update the weights at a learning rate."""
        if not self._moments:
            raise RuntimeError("join_gradients comes first")
        self._joined.grad = gradient
        clip_grad_norm_(self._joined, self._config.gradient_clip)
        adamw(
            [self._joined],
            [gradient],
            [self._moments["mean"]],
            [self._moments["square"]],
            [],
            [self._moments["steps"]],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=self._config.weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors, for `load_state_dict`."""
        return {"learnt": self._learnt, "moments": self._moments}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; the weights are those that the network has now."""
        if not state["learnt"]:
            return
        self._join(state["learnt"])
        for name, moment in self._moments.items():
            moment.copy_(state["moments"][name])

    def _join(self, names: Iterable[str]) -> None:
        """Make the weights of these names one tensor, with moments of 0."""
        self._learnt = list(names)
        weights = [self._weights[name] for name in self._learnt]
        self._joined = nn.Parameter(torch.cat([weight.detach().reshape(-1) for weight in weights]))
        parts = self._joined.detach().split([weight.numel() for weight in weights])
        for weight, part in zip(weights, parts, strict=True):
            weight.data = part.view_as(weight)
        joined = self._joined.detach()
        self._moments = {
            "mean": torch.zeros_like(joined),
            "square": torch.zeros_like(joined),
            "steps": joined.new_zeros((), dtype=torch.float32),
        }
