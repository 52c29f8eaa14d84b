"""The zip archives that `torch.save` writes: their checksums, which torch itself does not compare when it reads them.

Each entry has a CRC-32. Without the comparison a wrong bit in a weight gives a wrong network and no message. Comparing
takes about as long as reading the file.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from cli import UserError
from cli.errors import one_line

_PIECE = 1 << 20


def check_archive(path: Path) -> None:
    """Compare the checksum of every entry. A file in another format has none, and passes.

    Raises:
        UserError: an entry is damaged, or the list of entries is.
    """
    if not is_archive(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.compress_type == zipfile.ZIP_STORED and entry.compress_size != entry.file_size:
                    raise zipfile.BadZipFile(f"two sizes of {entry.filename}")
                with archive.open(entry) as content:
                    while content.read(_PIECE):
                        pass
    except Exception as problem:  # a damaged list of entries can raise almost anything, also a failed seek
        raise UserError(f"{path}: damaged since it was written: {one_line(problem)}") from None


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive, perhaps a damaged one, which `zipfile.is_zipfile` may raise an error about."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True
