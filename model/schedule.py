"""The learning rate as a function of the step, without a state of its own: nothing to save, nothing to go astray."""

from __future__ import annotations

import math

from model.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, steps_per_epoch: int) -> float:
    """The rate of a step, counted from 0: warm-up, then a tenth every `lr_drop` epochs, or half a cosine to 0."""
    rate = config.learning_rate
    if step < config.warmup_steps:
        return rate * (step + 1) / config.warmup_steps
    if config.schedule == "step":
        return rate * 0.1 ** (step // (steps_per_epoch * config.lr_drop))
    rest = max(1, config.epochs * steps_per_epoch - config.warmup_steps)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - config.warmup_steps) / rest))
