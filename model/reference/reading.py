"""Read the weights and options in a checkpoint of a reference, without running any code in it.

The references save their options next to the weights as an object (argparse.Namespace, EasyDict or their own class),
which torch's `weights_only` refuses. `model.archive` reads such a file with stand-ins; here its tensors get numbers.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cli import UserError
from model.archive import Archive, StoredTensor
from model.reference.contents import read_contents

_TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
}


def read_reference(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights (float32) by the reference's names, and the options of the run (empty if the file has none).

    Raises:
        UserError: the file is missing or damaged, or does not contain a network's weights.
    """
    archive = Archive(path)
    state, options = read_contents(archive)
    storages: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    for name, stored in state.items():
        if stored.key not in storages:
            # A bytearray, since torch warns about memory that cannot be written.
            content = bytearray(archive.read(f"data/{stored.key}"))
            whole = len(content) % _TYPES[stored.kind].itemsize == 0 and len(content) > 0
            kind = _TYPES[stored.kind]
            storages[stored.key] = torch.frombuffer(content, dtype=kind) if whole else torch.zeros(0, dtype=kind)
        weights[name] = _view(storages[stored.key], stored, f"{path}: not the weights of a network: {name!r}")
    return weights, options


def _view(numbers: Tensor, stored: StoredTensor, where: str) -> Tensor:
    # With stride 0, a few bytes can represent a tensor of any shape.
    if len(numbers) < math.prod(stored.shape):
        raise UserError(f"{where} holds fewer numbers than its shape needs")
    try:
        value = (
            numbers.as_strided(stored.shape, stored.strides, stored.offset)
            .float()
            .clone(memory_format=torch.contiguous_format)
        )
    except RuntimeError:
        raise UserError(f"{where} lies outside its numbers") from None
    if not value.isfinite().all():
        raise UserError(f"{where} holds NaN or infinity")
    return value
