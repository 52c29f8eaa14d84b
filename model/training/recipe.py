"""The learning rate as a function of the step, and averaged weights, whose only other state is the step count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from model.config import TrainConfig


class AveragedWeights(AveragedModel):
    """Exponential moving average of a network's weights; call `update_parameters` after each step.

    Early steps count more than the decay implies, so that the initial weights fade quickly.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        def average(means: Sequence[Tensor], values: Sequence[Tensor], done: Tensor | int) -> None:
            kept = min(decay, int(done) / (9 + int(done)))
            for mean, value in zip(means, values, strict=True):
                mean.lerp_(value, 1 - kept)

        super().__init__(network, multi_avg_fn=average)
        self.count(0)

    def count(self, steps: int) -> None:
        """Continue as if this many steps had been averaged."""
        # torch copies the weights on the update counted 0. Counting from 1, the first update averages like later ones.
        self.n_averaged.fill_(1 + steps)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The averages, by the network's names of its weights."""
        averages: dict[str, Tensor] = self.module.state_dict()
        return averages


@contextmanager
def using_weights(network: nn.Module, weights: dict[str, Tensor]) -> Iterator[None]:
    """Replace the network's weights within a `with` block."""
    own = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)


def learning_rate(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    """The rate of a step (from 0): warm-up, then divided by ten every `lr_drop` epochs, or half a cosine to 0."""
    rate = config.learning_rate
    if step < config.warmup_steps:
        return rate * (step + 1) / config.warmup_steps
    if config.schedule == "step":
        return rate * 0.1 ** (step // (steps_per_epoch * config.lr_drop))
    rest = max(1, config.epochs * steps_per_epoch - config.warmup_steps)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - config.warmup_steps) / rest))
