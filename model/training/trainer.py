"""Training on two splits in memory: epochs, validation, best.pt, last.pt and history.jsonl."""

from __future__ import annotations

import hashlib
import logging
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from cli import UserError
from cli.outputs import remove_leftovers
from cli.ownership import Claim, owning
from formats.rows import Row, write_rows
from model.checkpoint import save_checkpoint
from model.config import TrainStage
from model.data.feature_set import FeatureSet
from model.network.detector import HighlightDetector
from model.training.batches import Plan
from model.training.distributed import Processes
from model.training.engine import Engine, seed_everything
from model.training.recipe import learning_rate, using_weights
from model.training.resume import Best, Keeper
from model.training.tensorboard_log import Board
from model.training.validation import Validation, validate

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Output files of a training run."""

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
        """One line per epoch: loss terms and validation scores."""
        return self.folder / "history.jsonl"

    @property
    def resume(self) -> Path:
        """State of an unfinished run."""
        return self.folder / "resume.pt"


@dataclass(frozen=True)
class Running:
    """Options of a run that do not change its result.

    Attributes:
        device: cpu, cuda or cuda:N.
        processes: this process among those that share each batch.
        save_every: minimum time between writes of resume.pt, in seconds.
        board: folder of a TensorBoard log; None = no log.
    """

    device: str = "cpu"
    processes: Processes = field(default_factory=Processes)
    save_every: float = 30.0
    board: Path | None = None


ON_CPU = Running()
"""A single process on the CPU."""


def train(
    stage: TrainStage,
    train_set: FeatureSet,
    val_set: FeatureSet,
    seed: int,
    out: Outcome,
    running: Running = ON_CPU,
    start: HighlightDetector | None = None,
) -> None:
    """Train one network, from the weights of `start` if given; writes the files of `out`.

    A killed run resumes from its resume.pt and ends with the same weights as an uninterrupted one.

    Raises:
        UserError: another process is training into the folder of `out`, or a setting does not fit.
    """
    seed_everything(seed)
    network = HighlightDetector(stage.model, train_set.dims)
    if start is not None:
        _copy_weights(start, network)
    initial = "" if start is None else _digest(start)
    with owning(out.resume) if running.processes.first else nullcontext() as claim:
        trainer = Trainer(stage, train_set, val_set, seed, out, running, network.to(running.device), initial, claim)
        trainer.go()


class Trainer:
    """One training run in progress."""

    def __init__(
        self,
        stage: TrainStage,
        train_set: FeatureSet,
        val_set: FeatureSet,
        seed: int,
        out: Outcome,
        running: Running,
        network: HighlightDetector,
        initial: str,
        claim: Claim | None,
    ) -> None:
        self.stage, self.config, self.seed, self.out, self.running = stage, stage.train, seed, out, running
        self.train_set, self.val_set = train_set, val_set
        self.processes, self.claim = running.processes, claim
        self.plan = Plan(train_set, self.config, seed, stage.model.num_queries)
        self.processes.share_weights(network)
        identity = {
            "settings": stage.to_dict(),
            "seed": seed,
            "processes": self.processes.count,
            "train split": train_set.digest(),
            "val split": val_set.digest(),
            "initial weights": initial,
        }
        self.engine = Engine(network, self.config, train_set, seed, self.processes)
        self.keeper = Keeper(out.resume, identity, running.save_every)
        self.progress = self.keeper.load(self.engine)

    def go(self) -> None:
        """Run the remaining epochs and write the outputs."""
        out, progress, first = self.out, self.progress, self.processes.first
        if not progress.step:
            self._check_metric()
        if first:
            out.folder.mkdir(parents=True, exist_ok=True)
            # Leftovers are as large as the weights; those of resume.pt are removed when it is written.
            for path in (out.best, out.last, out.history):
                remove_leftovers(path)
            if progress.best is not None:
                self._save(out.best, progress.best.about, progress.best.weights)
        board = Board(self.running.board, progress.epoch - 1) if self.running.board and first else None
        while progress.epoch <= self.config.epochs:
            line, stop = self._do_epoch()
            if board:
                board.add(line)
            if stop:
                break
        if board:
            board.close()
        if first:
            if progress.best is not None and not out.best.exists():  # a second job that failed took it along
                self._save(out.best, progress.best.about, progress.best.weights)
            self._save(out.last, self._about(progress.history[-1]), self._weights())
            write_rows(out.history, progress.history)
            self.keeper.remove()

    def _do_epoch(self) -> tuple[Row, bool]:
        """Finish an epoch and validate it; returns its line of the history and whether to stop after it."""
        config, progress = self.config, self.progress
        steps = self.plan.steps
        for batch in self.plan.epoch(progress.epoch, progress.batch):
            rate = learning_rate(config, progress.step, steps)
            for name, value in self.engine.step(batch, progress.step, rate).items():
                sofar = progress.totals.get(name, 0.0)
                progress.totals[name] = sofar + value.double() * len(batch.indices)
            progress.batch += 1
            progress.step += 1
            if progress.batch < steps:
                self._keep()
        terms = {name: round(float(total) / len(self.train_set), 6) for name, total in progress.totals.items()}
        if terms["loss"] != terms["loss"] or abs(terms["loss"]) == float("inf"):
            raise UserError("the loss is NaN or infinite: lower train.learning_rate")
        rate = learning_rate(config, progress.step - steps, steps)
        line: Row = {
            "epoch": progress.epoch,
            "step": progress.step,
            "lr": rate,
            "train": terms,
            "val": None,
            "gates": None,
        }
        stop = False
        if progress.epoch % config.validate_every == 0 or progress.epoch == config.epochs:
            stop = self._validate(line)
        progress.history.append(line)
        progress.epoch += 1
        progress.batch, progress.totals = 0, {}
        if stop:
            # So that a resumed run sees that it is done.
            progress.epoch = config.epochs + 1
        if self.processes.first and line["val"] is not None:
            write_rows(self.out.history, progress.history)
        self._keep()
        return line, stop

    def _keep(self) -> None:
        """Save the state of the run, if it is due and this process is the first."""
        if self.claim is not None:
            self.claim.check()
            self.keeper.save_if_due(self.engine, self.progress)

    def _validate(self, line: Row) -> bool:
        """Validate, keep the weights if they are the best so far, and return whether to stop early."""
        config, progress = self.config, self.progress
        score = 0.0
        if self.processes.first:
            found = self._validation()
            line["val"], line["gates"] = found.scores, found.gates
            score = line["val"][config.best_metric]
        score = self.processes.share_number(score, self.running.device)
        if progress.best is None or score > progress.best.score:
            about = self._about(line)
            weights = {name: tensor.detach().clone() for name, tensor in self._weights().items()}
            progress.best, progress.stale = Best(score, about, weights), 0
            if self.processes.first:
                self._save(self.out.best, about, weights)
        else:
            progress.stale += 1
        stop = 0 < config.patience <= progress.stale and line["epoch"] < config.epochs
        if self.processes.first:
            place = f"{self.out.folder}: epoch {line['epoch']} of {config.epochs}"
            _log.info("%s: loss %.3f, val %s", place, line["train"]["loss"], _brief(line["val"]))
            if stop:
                _log.info("%s: no improvement in %d validations: stopping early", place, progress.stale)
        return stop

    def _validation(self) -> Validation:
        with using_weights(self.engine.network, self._weights()):
            return validate(self.engine.network, self.val_set, self.running.device, self.config.objective)

    def _check_metric(self) -> None:
        """Check, before any training, that the validation computes `best_metric`."""
        metric = self.config.best_metric
        if self.processes.first:
            scores = self._validation().scores
            if scores.get(metric) is None:
                known = ", ".join(name for name, value in scores.items() if value is not None)
                raise UserError(f"train.best_metric: the validation does not compute {metric!r} (known: {known})")

    def _weights(self) -> dict[str, torch.Tensor]:
        """The weights that are validated and saved."""
        average = self.engine.average
        weights: dict[str, torch.Tensor] = average.weights if average else self.engine.network.state_dict()
        return weights

    def _about(self, line: Row) -> dict[str, Any]:
        stage = self.stage.to_dict()
        about = {"epoch": line["epoch"], "seed": self.seed, "stage": stage, "val": line["val"]}
        return {**about, "objective": self.config.objective, "features": self.train_set.origins}

    def _save(self, path: Path, about: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        if self.claim is not None:
            self.claim.check()
        with using_weights(self.engine.network, weights):
            save_checkpoint(path, self.engine.network, about)


def _copy_weights(start: HighlightDetector, network: HighlightDetector) -> None:
    """Copy the weights of `start`; raise UserError if shapes differ or equal shapes have different meanings."""
    gated = start.config.has_gates and network.config.has_gates
    heard = start.config.reads_audio and network.config.reads_audio
    keys = [
        "video_streams",
        "text_stream",
        *(["audio_streams"] if heard else []),
        "n_heads",
        "query_product",
        "anchors",
    ]
    for key in [*keys, *(["fusion_n_heads", "gating_type"] if gated else [])]:
        there, here = getattr(start.config, key), getattr(network.config, key)
        if there != here:
            raise UserError(f"--init-from: model.{key} is {there!r} in the checkpoint, {here!r} in this network")
    old, new = start.state_dict(), network.state_dict()
    for name in sorted({*old, *new}):
        had, wanted = (tuple(weights[name].shape) if name in weights else None for weights in (old, new))
        if had != wanted:
            raise UserError(f"--init-from: {name} is {_show(had)} in the checkpoint, {_show(wanted)} in this network")
    network.load_state_dict(old)


def _show(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else "x".join(map(str, shape)) or "a scalar"


def _digest(network: HighlightDetector) -> str:
    content = hashlib.blake2b(digest_size=16)
    for name, tensor in network.state_dict().items():
        content.update(name.encode() + tensor.cpu().numpy().tobytes())
    return content.hexdigest()


def _brief(scores: dict[str, float]) -> str:
    shown = ("MR-full-R1@0.5", "MR-full-mAP", "HL-min-VeryGood-mAP", "mAP")
    return ", ".join(f"{name} {scores[name]:.2f}" for name in shown if scores.get(name) is not None)
