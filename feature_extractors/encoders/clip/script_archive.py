"""OpenAI's CLIP files: TorchScript archives, which `weights_only` cannot read.

Opening such an archive compiles the code in it. So only one whose checksum is that of a published file is opened.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from open_clip.pretrained import get_pretrained_url
from torch import Tensor

from cli import UserError
from feature_extractors.encoders.clip.facts import digest_in, published_as
from feature_extractors.weights.loading import reason

NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")
"""Numbers that these archives keep among their weights."""


def is_script(file: Path) -> bool:
    """Whether a file is a TorchScript archive."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(Path(name).name == "constants.pkl" for name in archive.namelist())


def read_published_script(file: Path, sha256: str) -> dict[str, Tensor]:
    """The weights in a TorchScript archive, in the precision they are kept in.

    Raises:
        UserError: the archive is none of the published ones, or is damaged.
    """
    if not is_published(sha256):
        raise UserError(
            f"{file}: refused, a TorchScript archive that is none of OpenAI's published files: reading it could run "
            f"code; save its state dict with torch.save instead"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is old, as these files are
            state: dict[str, Tensor] = torch.jit.load(str(file), map_location="cpu").state_dict()
    except Exception as problem:  # a damaged archive ends in an exception of almost any type
        raise UserError(f"{file}: {reason(problem)}") from None
    return {name: value for name, value in state.items() if name not in NOT_WEIGHTS}


def is_published(sha256: str) -> bool:
    """Whether a digest is, in full length, that of a file in open_clip's table."""
    found = published_as(sha256)
    return found is not None and digest_in(get_pretrained_url(*found)) == sha256
