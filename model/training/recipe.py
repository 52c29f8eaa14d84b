"""The learning rate as a function of the step, and averaged weights: both without a state that could go astray."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from model.config import TrainConfig


class AveragedWeights:
    """Exponential average of a network's weights, over steps."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step `step`, counted from 0; early steps count more, or the start would linger."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, tensor in network.state_dict().items():
            self.weights[name].lerp_(tensor, 1 - decay)


@contextmanager
def using_weights(network: nn.Module, weights: dict[str, Tensor]) -> Iterator[None]:
    """The network with other weights, within this block."""
    own = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)


def learning_rate(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    """The rate of a step, counted from 0: warm-up, then a tenth every `lr_drop` epochs, or half a cosine to 0."""
    rate = config.learning_rate
    if step < config.warmup_steps:
        return rate * (step + 1) / config.warmup_steps
    if config.schedule == "step":
        return rate * 0.1 ** (step // (steps_per_epoch * config.lr_drop))
    rest = max(1, config.epochs * steps_per_epoch - config.warmup_steps)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - config.warmup_steps) / rest))
