"""Checkpoints: weights and their configuration, stored as plain values that load without unpickling code."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from cli import UserError
from cli.errors import one_line
from cli.machine import raise_if_unreadable
from cli.outputs import replacing, saving
from formats.checksums import check_archive
from model.archive import Archive
from model.compat import drop_removed
from model.network.detector import HighlightDetector, build_detector

FORMAT = 1


class NoNetwork(UserError):
    """A checkpoint that is a placeholder for a network that could not be trained."""


def save_checkpoint(path: Path, network: HighlightDetector, about: dict[str, Any]) -> None:
    """Write a checkpoint to a temporary file next to `path` and rename it into place.

    Args:
        about: plain values that describe the origin of the weights: epoch, seed, validation scores, configuration.
    """
    content = {
        "format": FORMAT,
        # Copied, because in training all weights are views of one tensor, which would be written as a whole.
        "model": {name: tensor.clone() for name, tensor in network.state_dict().items()},
        "config": network.config.to_dict(),
        "dims": asdict(network.dims),
        "about": about,
    }
    save_archive(path, content)


def save_archive(path: Path, content: object) -> None:
    """Write what `torch.save` makes of plain values and tensors, atomically. Equal values give equal bytes.

    Raises:
        UserError: it cannot be written.
    """
    with replacing(path) as part, saving(path):
        torch.save(_unshared(content), part)


def _unshared(value: Any) -> Any:
    """A copy in which equal texts are one object and no container occurs twice; tensors stay.

    Pickle writes an object that occurs again as a reference, and a resumed run holds equal texts as other objects.
    """
    if isinstance(value, dict):
        return {_unshared(key): _unshared(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_unshared(item) for item in value])
    return sys.intern(value) if type(value) is str else value


def save_no_network(path: Path, cause: str) -> None:
    """Write a placeholder for a checkpoint when there is nothing to train on; `load_network` reports the cause."""
    save_archive(path, {"format": FORMAT, "no_network": cause})


def load_network(path: Path) -> tuple[HighlightDetector, dict[str, Any]]:
    """Rebuild the network of a checkpoint, in evaluation mode; also returns the checkpoint's `about`.

    Raises:
        NoNetwork: the checkpoint is a placeholder, because there was nothing to train on.
        UserError: the file is missing, damaged, contains more than plain values, or has another format.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise UserError(f"{path}: checkpoint format {content['format']}, expected {FORMAT}")
        if "no_network" in content:
            raise NoNetwork(f"{path}: holds no network: {content['no_network']}")
        _drop_position_table(content)
        try:
            network = build_detector(content["config"], content["dims"])
        except UserError as problem:
            raise UserError(f"{path}: {problem}") from None
        network.load_state_dict(content["model"])
        about: dict[str, Any] = content["about"]
    except UserError:
        raise
    except Exception as problem:  # a damaged file can raise almost anything
        raise_if_unreadable(problem, path)
        raise UserError(_describe_failure(path, problem)) from None
    return network.eval(), about


def _drop_position_table(content: dict[str, Any]) -> None:
    """Remove QD-DETR's table of text positions, which no network reads; earlier versions kept it on import."""
    given = content["config"]["compat"]
    kept = drop_removed(given)
    if len(kept) == len(given):
        return
    content["config"]["compat"] = kept
    content["model"] = {
        name: value for name, value in content["model"].items() if not name.startswith("text_positions.")
    }


def _describe_failure(path: Path, problem: Exception) -> str:
    """Why a file is no checkpoint of this project. Torch's own text is not passed on: it advises unsafe loading."""
    try:
        foreign = Archive(path).is_reference
    except UserError:
        foreign = False
    if foreign:
        return f"{path}: a checkpoint of QD-DETR's code: convert it with `python -m model import-checkpoint`"
    if isinstance(problem, UnpicklingError):
        return f"{path}: not a checkpoint of this project: not only tensors and plain values"
    cause = "not a file that torch.save writes" if "weights_only" in str(problem) else one_line(problem)
    return f"{path}: not a checkpoint of this project: {type(problem).__name__}: {cause}"
