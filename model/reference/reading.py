"""Read a checkpoint of a reference without running any code in it.

The references save their options next to the weights as an object (argparse.Namespace or their own class), which
torch's `weights_only` refuses. The class names are listed first, without loading, and each is then mapped to a class
that can only hold values: the options become plain attributes, and a pickle made to call a function gets no function.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from cli import UserError
from cli.errors import one_line

_WRAPPED = "module."
"""Prefix that torch's data-parallel wrappers add to each name."""


class Inert:
    """Placeholder for any class or function in a checkpoint: accepts any arguments, holds values, does nothing."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        del args, keys

    def __setstate__(self, state: Any) -> None:
        # Only a dictionary of attributes is useful here.
        if isinstance(state, dict):
            self.__dict__.update({name: value for name, value in state.items() if isinstance(name, str)})


def read_reference(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights (float32) by the reference's names, and the options of the run (empty if the file has none).

    Raises:
        UserError: the file is missing or damaged, or does not contain a network's weights.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    if not zipfile.is_zipfile(path):
        raise UserError(
            f"{path}: not a checkpoint of torch 1.6 or newer: if it is older, load and save it with a newer torch"
        )
    try:
        _check_sums(path)
        names = get_unsafe_globals_in_checkpoint(path)
        inert = [(type("Inert", (Inert,), {}), name) for name in names]
        with safe_globals(inert):  # type: ignore[arg-type]
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except UnpicklingError:
        raise UserError(f"{path}: refused: loading it would run code from the file") from None
    except Exception as problem:  # a damaged file can raise almost any exception
        line = one_line(problem)
        raise UserError(f"{path}: not a checkpoint that can be read safely: {line}") from None
    state = content.get("model") if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: no weights under 'model'")
    for name, value in state.items():
        flaw = _find_flaw(name, value)
        if flaw:
            raise UserError(f"{path}: not the weights of a network: {str(name)[:100]!r} {flaw}")
    options = content.get("opt")
    if isinstance(options, Inert | argparse.Namespace):
        options = vars(options)
    if state and all(name.startswith(_WRAPPED) for name in state):
        state = {name.removeprefix(_WRAPPED): value for name, value in state.items()}
    state = {name: value.float() for name, value in state.items()}
    return state, dict(options) if isinstance(options, dict) else {}


def _check_sums(path: Path) -> None:
    """Verify the checksums of the archive, which torch does not."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise UserError(f"{path}: damaged: the checksum of {damaged} is wrong")


def _find_flaw(name: object, value: Tensor) -> str:
    """Why a tensor cannot be a weight; empty if it can."""
    if not isinstance(name, str):
        return "is not a name"
    if value.layout != torch.strided or value.device.type != "cpu" or not value.is_floating_point():
        return f"must be a dense floating-point tensor, got {value.dtype}, {value.layout}, on {value.device.type}"
    # With stride 0, a few bytes can represent a tensor of any shape.
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return "holds fewer numbers than its shape needs"
    if not value.float().isfinite().all():
        return "holds NaN or infinity"
    return ""
