"""What a checkpoint of a reference holds, without its numbers: shapes of the weights, and options. Torch-free."""

from __future__ import annotations

from typing import Any

from cli import UserError
from model.archive import WRAPPED, Archive, StoredTensor

DENSE = ("FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage")
"""Storages of floating-point numbers that a network's weights may have."""


def read_contents(archive: Archive) -> tuple[dict[str, StoredTensor], dict[str, Any]]:
    """The weights by the reference's names, and the options of the run (empty if the file has none).

    Raises:
        UserError: the file does not contain a network's weights.
    """
    state = archive.entries("model")
    if not state:
        raise UserError(f"{archive.path}: no weights under 'model'")
    for name, value in state.items():
        where = f"{archive.path}: not the weights of a network: {str(name)[:100]!r}"
        if not isinstance(name, str):
            raise UserError(f"{where} is not a name")
        if not isinstance(value, StoredTensor) or value.kind not in DENSE:
            what = value.kind if isinstance(value, StoredTensor) else type(value).__name__
            raise UserError(f"{where} must be a dense floating-point tensor, got {what}")
    if all(name.startswith(WRAPPED) for name in state):
        state = {name.removeprefix(WRAPPED): value for name, value in state.items()}
    options = {name: value for name, value in archive.entries("opt").items() if isinstance(name, str)}
    return dict(state), options
