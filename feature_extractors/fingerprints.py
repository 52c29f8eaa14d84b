"""Digests of the files that features and tables were made from."""

from __future__ import annotations

import hashlib
import os
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


def is_untouched(folder: Path, video: Video, made_ns: int) -> bool:
    """Whether a file is the one that its line in a video table describes, without reading it.

    It has the right size. Since the table was made, it was not written or put in place, nothing was in the folders that
    it lies in, and no link on the way to it was: their inodes, whose times of change programs cannot set, last changed
    before that. Another disk mounted in the same place is not noticed.

    Args:
        folder: the folder of videos.
        video: its line in the table, with the file in that folder.
        made_ns: when the table was made, nanoseconds; 0 if unknown.
    """
    state = state_of(folder / video.file)
    if state is None or state[0] != video.size or max(state[1:]) >= made_ns:
        return False
    file = folder.absolute() / video.file
    # Folders above the one of videos change all the time, by what has nothing to do with the videos.
    folders = [place for place in file.parents if place.is_relative_to(folder.absolute())]
    links = [place for place in (file, *file.parents) if place.is_symlink()]
    try:
        return all(
            place.lstat().st_ctime_ns < made_ns for place in (*folders, Path(os.path.realpath(file)).parent, *links)
        )
    except OSError:
        return False


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
