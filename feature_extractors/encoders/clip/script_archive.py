"""Read OpenAI's CLIP files: TorchScript archives, which `weights_only` cannot read.

Opening such an archive compiles the code in it, so only archives with the checksum of a published file are opened.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from open_clip.pretrained import get_pretrained_url
from torch import Tensor

from cli import UserError
from cli.machine import raise_if_unreadable
from feature_extractors.encoders.clip.facts import digest_in, published_as
from feature_extractors.weights.loading import reason
from formats.checksums import is_archive

NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")
"""Numbers that these archives store among their weights."""


def is_script(file: Path) -> bool:
    """Whether a file is a TorchScript archive.

    Raises:
        UserError: it is a damaged archive.
    """
    if not is_archive(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(Path(name).name == "constants.pkl" for name in archive.namelist())
    except Exception as problem:  # a damaged list of entries can raise almost anything
        raise_if_unreadable(problem, file)
        raise UserError(f"{file}: {reason(problem)}") from None


def read_published_script(file: Path, sha256: str) -> dict[str, Tensor]:
    """Read the weights in a TorchScript archive, in their stored precision.

    Raises:
        UserError: the archive is not a published one, or is damaged.
    """
    if not is_published(sha256):
        raise UserError(
            f"{file}: refused, because it is a TorchScript archive but not one of OpenAI's published files, so reading"
            " it could run any code: save its state dict with torch.save instead"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is deprecated, but these files use it
            state: dict[str, Tensor] = torch.jit.load(str(file), map_location="cpu").state_dict()
    except Exception as problem:  # a damaged archive can raise almost anything
        raise_if_unreadable(problem, file)
        raise UserError(f"{file}: {reason(problem)}") from None
    return {name: value for name, value in state.items() if name not in NOT_WEIGHTS}


def is_published(sha256: str) -> bool:
    """Whether open_clip's table has a file with this full digest."""
    found = published_as(sha256)
    return found is not None and digest_in(get_pretrained_url(*found)) == sha256
