"""Digests of the files that features and tables were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from cli import UserError
from formats.checksums import check_archive


def digest_of(file: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's content."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def git_blob_of(file: Path) -> str:
    """Id of a file in a git repository, as `git hash-object` gives it: SHA-1 of its size and content."""
    digest = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def fingerprint(files: Iterable[Path]) -> str:
    """sha256 of a file's content; of several files, that of their digests in the given order. Names do not count.

    Raises:
        UserError: a file of weights is missing, or a damaged archive: torch and open_clip would read it without notice.
    """
    digests = []
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such weights")
        check_archive(file)
        digests.append(digest_of(file))
    return combine(digests)


def combine(digests: Sequence[str]) -> str:
    """The fingerprint of files with these digests."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
