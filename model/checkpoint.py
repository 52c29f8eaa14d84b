"""Checkpoints: weights with the configuration that they need, in plain values that load without unpickling code."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cli import UserError
from cli.outputs import replacing
from model.network.detector import HighlightDetector, build_detector

FORMAT = 1


class NoNetwork(UserError):
    """A checkpoint that stands for a network that could not be trained."""


def save_checkpoint(path: Path, network: HighlightDetector, about: dict[str, Any]) -> None:
    """Write a checkpoint beside `path` and rename it into place.

    Args:
        about: plain values on where the weights come from: epoch, seed, validation scores, configuration.
    """
    content = {
        "format": FORMAT,
        "model": network.state_dict(),
        "config": network.config.to_dict(),
        "dims": asdict(network.dims),
        "about": about,
    }
    with replacing(path) as part:
        torch.save(content, part)


def save_no_network(path: Path, cause: str) -> None:
    """Write what stands in the place of a checkpoint where there was nothing to train on; `load_network` tells why."""
    with replacing(path) as part:
        torch.save({"format": FORMAT, "no_network": cause}, part)


def load_network(path: Path) -> tuple[HighlightDetector, dict[str, Any]]:
    """Rebuild the network of a checkpoint, in evaluation mode; also returns what the checkpoint says about itself.

    Raises:
        NoNetwork: there was nothing to train it on.
        UserError: the file is missing, holds more than plain values, or is of another format.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise UserError(f"{path}: checkpoint format {content['format']}, expected {FORMAT}")
        if "no_network" in content:
            raise NoNetwork(f"{path}: holds no network: {content['no_network']}")
        _drop_position_table(content)
        network = build_detector(content["config"], content["dims"])
        network.load_state_dict(content["model"])
        about: dict[str, Any] = content["about"]
    except UserError:
        raise
    except Exception as problem:  # torch reports refused pickles by an exception type of the pickle module
        raise UserError(f"{path}: not a checkpoint of this project: {str(problem)[:200]}") from None
    return network.eval(), about


def _drop_position_table(content: dict[str, Any]) -> None:
    """Take out QD-DETR's table of text positions, which no network reads: earlier versions kept it on import."""
    compat = content["config"]["compat"]
    if "text_position_table" not in compat:
        return
    content["config"]["compat"] = [name for name in compat if name != "text_position_table"]
    content["model"] = {
        name: value for name, value in content["model"].items() if not name.startswith("text_positions.")
    }
