"""Training: epochs over the train split, validation, best.pt, last.pt and history.jsonl."""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from cli import UserError
from cli.files import write_rows
from eval.score import evaluate
from model.checkpoint import save_checkpoint
from model.config import TrainConfig, TrainStage
from model.dataset import FeatureSet
from model.detector import HighlightDetector, other_video
from model.inference import predict, submission_row
from model.losses import Targets, compute_losses
from model.targets import QueryTargets, draw_targets

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Where a training run writes."""

    folder: Path

    @property
    def best(self) -> Path:
        """Weights of the epoch with the best validation score."""
        return self.folder / "best.pt"

    @property
    def last(self) -> Path:
        """Weights after the last epoch."""
        return self.folder / "last.pt"

    @property
    def history(self) -> Path:
        """One line an epoch: loss terms and validation scores."""
        return self.folder / "history.jsonl"


def seed_everything(seed: int) -> None:
    """Seed every generator that a run draws from, and ask torch for deterministic kernels."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - some libraries still draw from it
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def train(stage: TrainStage, train_set: FeatureSet, val_set: FeatureSet, seed: int, out: Outcome, device: str) -> None:
    """Train one network; writes the files of `out`."""
    config = stage.train
    seed_everything(seed)
    network = HighlightDetector(stage.model, train_set.dims).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, config.lr_drop)
    out.folder.mkdir(parents=True, exist_ok=True)
    # Before any work: does the validation give the score that is to decide?
    if validate(network, val_set, device).get(config.best_metric) is None:
        raise UserError(f"train.best_metric: the validation gives no {config.best_metric!r}")
    history: list[dict[str, Any]] = []
    best = float("-inf")
    step = 0
    for epoch in range(1, config.epochs + 1):
        learning_rate = optimizer.param_groups[0]["lr"]
        terms, steps = _train_epoch(network, optimizer, train_set, config, np.random.default_rng([seed, epoch]), device)
        step += steps
        schedule.step()
        scores = None
        if epoch % config.validate_every == 0 or epoch == config.epochs:
            scores = validate(network, val_set, device)
            about = {"epoch": epoch, "seed": seed, "stage": stage.to_dict(), "val": scores}
            if scores[config.best_metric] > best:
                best = scores[config.best_metric]
                save_checkpoint(out.best, network, about)
            if epoch == config.epochs:
                save_checkpoint(out.last, network, about)
            place = f"{out.folder}: epoch {epoch} of {config.epochs}"
            _log.info("%s: loss %.3f, val %s", place, terms["loss"], _brief(scores))
        history.append({"epoch": epoch, "step": step, "lr": learning_rate, "train": terms, "val": scores})
    write_rows(out.history, history)


def validate(network: HighlightDetector, features: FeatureSet, device: str) -> dict[str, float]:
    """The summary scores of the official evaluation."""
    rows = [
        submission_row(item, features.clip_seconds, round_to_clips=True)
        for item in predict(network, features, 100, device)
    ]
    brief: dict[str, float] = evaluate(rows, features.rows)["brief"]
    return brief


def _train_epoch(
    network: HighlightDetector,
    optimizer: torch.optim.Optimizer,
    features: FeatureSet,
    config: TrainConfig,
    rng: np.random.Generator,
    device: str,
) -> tuple[dict[str, float], int]:
    """One pass over the split in random order; returns mean loss terms and the number of steps."""
    network.train()
    order = rng.permutation(len(features)).tolist()
    totals: dict[str, float] = defaultdict(float)
    starts = range(0, len(order), config.batch_size)
    for first in starts:
        indices = order[first : first + config.batch_size]
        targets = [
            draw_targets(features.rows[i], features.n_clips(i), features.clip_seconds, config.max_windows, rng)
            for i in indices
        ]
        vids = [features.rows[i]["vid"] for i in indices]
        negative, has_negative = other_video(vids, rolled="rolled_negatives" in network.config.compat)
        inputs = features.batch(indices).to(device)
        outputs = network(inputs, negative.to(device))
        if not outputs.moments[-1].spans.isfinite().all():
            raise UserError("the network's output is no longer a number: lower train.learning_rate")
        terms = compute_losses(outputs, _collate(targets, has_negative, device), inputs.video_mask, config.loss)
        optimizer.zero_grad(set_to_none=True)
        terms["loss"].backward()
        clip_grad_norm_(network.parameters(), config.gradient_clip)
        optimizer.step()
        for name, value in terms.items():
            totals[name] += value.item() * len(indices)
    means = {name: round(value / len(order), 6) for name, value in totals.items()}
    return means, len(starts)


def _collate(targets: list[QueryTargets], has_negative: Tensor, device: str) -> Targets:
    longest = max(len(target.saliency) for target in targets)
    saliency = torch.zeros(len(targets), longest)
    for sample, target in enumerate(targets):
        saliency[sample, : len(target.saliency)] = torch.from_numpy(target.saliency)
    return Targets(
        spans=[torch.from_numpy(target.spans).to(device) for target in targets],
        saliency=saliency.to(device),
        higher=torch.from_numpy(np.stack([target.higher for target in targets])).to(device),
        lower=torch.from_numpy(np.stack([target.lower for target in targets])).to(device),
        has_negative=has_negative.to(device),
    )


def _brief(scores: dict[str, float]) -> str:
    shown = ("MR-full-R1@0.5", "MR-full-mAP", "HL-min-VeryGood-mAP")
    return ", ".join(f"{name} {scores[name]:.2f}" for name in shown if name in scores)
