"""Read a checkpoint of a reference without running anything in it.

The references save their options beside the weights as an object (argparse.Namespace or a class of their own), which
torch's `weights_only` refuses. Its names are looked up first, without loading, and each is then given a class that can
only hold values: the options come out as plain attributes, and a pickle made to run a function gets no function.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from cli import UserError


class Inert:
    """Stands in for any class or function of a checkpoint: takes any arguments, holds values, does nothing."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        del args, keys

    def __setstate__(self, state: Any) -> None:
        # Anything but a dictionary of attributes is of no use here.
        if isinstance(state, dict):
            self.__dict__.update({name: value for name, value in state.items() if isinstance(name, str)})


def read_reference(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights by the reference's names, and the options of the run (empty if the file holds none).

    Raises:
        UserError: the file is missing or is no checkpoint of weights.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    try:
        names = get_unsafe_globals_in_checkpoint(path)
        inert = [(type("Inert", (Inert,), {}), name) for name in names]
        with safe_globals(inert):  # type: ignore[arg-type]
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # a damaged or refused file ends in an exception of almost any type
        line = " ".join(str(problem).split())[:200]
        raise UserError(f"{path}: not a checkpoint that can be read safely: {line}") from None
    state = content.get("model") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: no weights under 'model'")
    options = content.get("opt")
    if isinstance(options, Inert | argparse.Namespace):
        options = vars(options)
    return state, dict(options) if isinstance(options, dict) else {}
