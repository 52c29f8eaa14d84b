"""Weights from outside: read with `weights_only`, fingerprinted, never unpickled freely."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from cli import UserError


def fingerprint(files: Iterable[Path]) -> str:
    """sha256 over the files' names and contents, in the given order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        with _existing(file).open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def load_checkpoint(file: Path) -> dict[str, Any]:
    """Load a torch checkpoint that holds nothing but tensors and plain values.

    Raises:
        UserError: the file is missing, is no checkpoint, or would have to run code to be read.
    """
    try:
        loaded = torch.load(_existing(file), map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError) as problem:
        raise UserError(f"{file}: not a readable checkpoint: {problem}") from None
    except Exception as problem:  # torch reports refused pickles by an exception type of the pickle module
        raise UserError(f"{file}: refused, the checkpoint holds more than tensors: {problem}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{file}: expected a dictionary of tensors, got {type(loaded).__name__}")
    return loaded


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise UserError(f"{file}: no such weights")
    return file
