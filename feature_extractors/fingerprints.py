"""Digests of the files that features and tables were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from cli import UserError
from formats.checksums import check_archive
from formats.video_table import Video


def digest_of(file: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file's content."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def state_of(file: Path) -> tuple[int, int, int] | None:
    """Size and times of a file: they change when it is written to or replaced. None if it is not there."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def is_untouched(file: Path, video: Video, made_ns: int) -> bool:
    """Whether a file is certainly the one that its line in a video table describes, without reading it.

    It has the right size, and it was neither written nor put in place since the table was made: the last change of its
    inode, whose time programs cannot set, was before that.

    Args:
        file: the media file.
        video: its line in the table.
        made_ns: when the table was made, nanoseconds; 0 if unknown.
    """
    state = state_of(file)
    return state is not None and state[0] == video.size and max(state[1:]) < made_ns


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
