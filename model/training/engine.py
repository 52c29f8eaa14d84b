"""One training step: forward, losses, backward, and the update of the weights."""

from __future__ import annotations

import os
import random

import numpy as np
import torch
from torch import Tensor

from cli.memory import keep_freed_memory
from model.config import TrainConfig
from model.data.feature_set import FeatureSet
from model.draws import Draw, torch_seed
from model.network.cpu_layers import seed_dropout
from model.network.detector import HighlightDetector
from model.network.joined import can_join, joining
from model.training.batches import Batch, Part, split_places, take_part
from model.training.distributed import Processes
from model.training.losses import compute_losses, weigh_terms
from model.training.optimizer import JoinedAdamW
from model.training.recipe import AveragedWeights

PASS_CLIPS = 50
"""Fixed cost of a pass through a network of width 256 on a CPU, in clips (found by experiment)."""


def seed_everything(seed: int) -> None:
    """Seed every generator that a run draws from, and allow deterministic kernels only.

    Not merely with a warning: attention on a GPU takes its deterministic backward pass only if others are an error.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - some libraries still draw from it
    torch.manual_seed(seed)
    # cuBLAS is deterministic only with a fixed workspace, set before it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # The same as `use_deterministic_algorithms`, which would also load torch's compiler (1 s).
    torch.set_deterministic_debug_mode("error")
    # Otherwise deterministic mode fills every new tensor with NaN, to expose reads of uninitialised memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


class Engine:
    """Network, optimiser and averaged weights, updated step by step.

    Dropout draws from a generator that is reseeded for each step and process. So a step does not depend on earlier
    draws, for example in a validation, and a resumed run draws the same numbers as an uninterrupted one.
    """

    def __init__(
        self, network: HighlightDetector, config: TrainConfig, features: FeatureSet, seed: int, processes: Processes
    ) -> None:
        self.network = network
        self.optimizer = JoinedAdamW(network, config)
        self.average = AveragedWeights(network, config.ema_decay) if config.ema_decay else None
        self.device = str(next(network.parameters()).device)
        if self.device == "cpu":
            keep_freed_memory(large_pages=True)
        # On a GPU, padding is cheaper than a second pass; and if gates pool padding, grouping would change them.
        splits = self.device == "cpu" and not network.config.compat.unmasked_pooling
        self._pass_clips = PASS_CLIPS * (256 / network.config.hidden_dim) ** 2 if splits else None
        self._joins = config.joined_operators and self.device == "cpu" and can_join()
        self._config = config
        self._features = features
        self._seed = seed
        self._processes = processes

    def step(self, batch: Batch, step: int, rate: float) -> dict[str, Tensor]:
        """Run step `step` (counted from 0) at learning rate `rate`; returns the batch's mean loss terms."""
        ranks = self._processes
        seed_dropout(torch_seed(self._seed, Draw.DROPOUT, step, ranks.rank))
        self.network.train()
        self.optimizer.zero_grad()
        terms: dict[str, Tensor] = {}
        for places in split_places(self._features, batch, ranks.rank, ranks.count, self._pass_clips):
            added = self._compute_terms(take_part(self._features, batch, places, self.device))
            added["loss"].backward()
            terms = {name: value.detach() + terms.get(name, 0.0) for name, value in added.items()}
        gradient = self.optimizer.join_gradients()
        self._processes.sum([gradient, *terms.values()])
        self.optimizer.step(gradient, rate)
        if self.average is not None:
            self.average.update_parameters(self.network)
        return terms

    def _compute_terms(self, part: Part) -> dict[str, Tensor]:
        """This part's contribution to the batch's mean loss terms, and to `loss`, their weighted sum."""
        config = self._config
        kind, short = self.device.split(":")[0], config.precision == "bfloat16"
        with torch.autocast(kind, torch.bfloat16, enabled=short), joining(self._joins):
            outputs = self.network(part.inputs, part.negative, config.trains_moments, part.starts)
        terms = compute_losses(outputs.float(), part.targets, part.inputs.seen_mask, config.loss)
        # Each term is a mean over queries or matched moments; weighted by the part's fraction, the terms add up to the
        # mean over the batch.
        shares = [part.matches if _is_of_matches(name) else part.samples for name in terms]
        values = torch.stack(list(terms.values()))
        terms = dict(zip(terms, (values * values.new_tensor(shares)).unbind(), strict=True))
        return {"loss": weigh_terms(terms, config.loss), **terms}


def _is_of_matches(term: str) -> bool:
    return term.startswith(("loss_span", "loss_giou"))
