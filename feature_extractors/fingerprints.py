"""Digests of the files that features and tables were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from cli import UserError


def digest_of(file: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's content."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def fingerprint(files: Iterable[Path]) -> str:
    """sha256 over the files' names and contents, in the given order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        if not file.is_file():
            raise UserError(f"{file}: no such weights")
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()
