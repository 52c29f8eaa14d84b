"""The state of an unfinished training run, `resume.pt`, from which a killed run resumes with identical results.

The file is written atomically and holds only plain values and tensors. It is not a declared output of any rule, because
Snakemake deletes the outputs of a failed job; for the same reason it contains the weights of best.pt.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from cli.machine import raise_if_unreadable
from cli.outputs import remove_leftovers
from formats.checksums import check_archive
from formats.rows import Row
from model.checkpoint import save_archive
from model.training.engine import Engine

_log = logging.getLogger(__name__)

FORMAT = 2


@dataclass
class Best:
    """The best validated epoch: its score, the `about` of its checkpoint, and its weights."""

    score: float
    about: dict[str, Any]
    weights: dict[str, Tensor]


@dataclass
class Progress:
    """Progress of a run: `batch` batches of epoch `epoch` (from 1) are done, `step` steps in total."""

    epoch: int = 1
    batch: int = 0
    step: int = 0
    totals: dict[str, Tensor] = field(default_factory=dict)
    """Loss terms of this epoch so far, summed over queries, float64."""
    history: list[Row] = field(default_factory=list)
    best: Best | None = None
    stale: int = 0
    """Number of validations since the best one."""


class Keeper:
    """Writes and reads `resume.pt` of one run.

    Args:
        identity: plain values that identify a run: settings, seed, data, processes. A run resumes only if all match.
        every: minimum time between writes, in seconds; 0 writes after every step. The first write happens at once, so
            that a full disk is noticed at the start.
    """

    def __init__(self, path: Path, identity: dict[str, Any], every: float) -> None:
        self._path = path
        self._identity = identity
        self._every = every
        self._last = -math.inf

    def save_if_due(self, engine: Engine, progress: Progress) -> None:
        """Write the state, unless the last write was less than `every` seconds ago."""
        if time.monotonic() - self._last < self._every:
            return
        if self._last == -math.inf:
            remove_leftovers(self._path)  # as large as the weights, and repeatedly killed jobs would pile them up
        state = {
            "format": FORMAT,
            "identity": self._identity,
            "progress": _plain(progress),
            "model": engine.network.state_dict(),
            "optimizer": engine.optimizer.state_dict(),
            "average": None if engine.average is None else engine.average.weights,
        }
        save_archive(self._path, state)
        self._last = time.monotonic()

    def load(self, engine: Engine) -> Progress:
        """Restore the saved state into the engine and return its progress; without one, return that of a new run.

        A file with other settings or data, or a damaged one, is discarded with a warning.

        Raises:
            Unreadable: it cannot be read now, because there is no memory, file handle or permission.
        """
        if not self._path.exists():
            return Progress()
        network, average = engine.network, engine.average
        initial = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        try:
            check_archive(self._path)
            state = torch.load(self._path, map_location=engine.device, weights_only=True)
            different = _first_difference(state["identity"], self._identity)
            if state["format"] != FORMAT or different:
                _log.warning(
                    "%s: belongs to a run with a different %s: starting from scratch",
                    self._path,
                    different or "version",
                )
                return Progress()
            saved = dict(state["progress"])
            best = saved.pop("best")
            progress = Progress(**saved, best=None if best is None else Best(**best))
            if average is not None:
                average.module.load_state_dict(state["average"])
                average.count(progress.step)
            network.load_state_dict(state["model"])
            # Last, because it changes nothing if it fails.
            engine.optimizer.load_state_dict(state["optimizer"])
        except Exception as problem:  # a damaged file can raise almost any exception
            raise_if_unreadable(problem, self._path)
            # Torch's text on a refused pickle advises unsafe loading.
            refused = isinstance(problem, UnpicklingError) or "weights_only" in str(problem)
            told = str(problem).removeprefix(f"{self._path}: ").split("\n")[0][:120]
            cause = "not only tensors and plain values" if refused else told
            _log.warning("%s: cannot be read (%s): starting from scratch", self._path, cause)
            network.load_state_dict(initial)
            if average is not None:
                average.module.load_state_dict(initial)
                average.count(0)
            return Progress()
        _log.info("%s: resuming at epoch %d, step %d", self._path, progress.epoch, progress.step)
        return progress

    def remove(self) -> None:
        """Delete the file when the run is done."""
        self._path.unlink(missing_ok=True)
        remove_leftovers(self._path)


def _plain(value: Progress | Best) -> dict[str, Any]:
    """Fields by name; `asdict` would copy all weights."""
    found = {item.name: getattr(value, item.name) for item in fields(value)}
    return {name: _plain(item) if isinstance(item, Best) else item for name, item in found.items()}


def _first_difference(old: Any, new: Any, where: str = "") -> str:
    """The dotted path of the first key with different values; empty if all are equal."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            found = _first_difference(old.get(key), new.get(key), f"{where}.{key}" if where else str(key))
            if found:
                return found
        return ""
    return "" if old == new else where
