"""Names and texts that other programs accept. Ids of videos and queries may hold anything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

LONGEST_NAME = 180
"""Bytes of a file name without its suffix. File systems allow 255."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
REEL = 8
"""Most characters of a reel's name in a CMX 3600 list."""
_RESERVED = {"AX", "BL", "NONE"}
"""Reels with a meaning: auxiliary source, black."""


def one_line(text: str) -> str:
    """The text on one line, without control characters and others that XML forbids."""
    kept = (" " if character.isspace() else character for character in text if _is_shown(character))
    return " ".join("".join(kept).split())


def _is_shown(character: str) -> bool:
    allowed = character.isspace() or unicodedata.category(character) not in ("Cc", "Cs")
    return allowed and character not in "\ufffe\uffff"


def file_names(names: Iterable[str]) -> dict[str, str]:
    """A file name for each of some different names, without suffix.

    Players and LosslessCut find files by the name of their video, so names stay as they are, but for characters that
    some system forbids. None leads out of its folder or is hidden. Names that would become equal, also where case does
    not count, are numbered.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = _FORBIDDEN.sub("_", "".join(one if one.isprintable() else "_" for one in name))
        plain = plain.lstrip(". ").rstrip(". ") or "_"
        plain = plain.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip(". ")
        found[name] = _number(plain, taken, LONGEST_NAME + 10)
    return found


def reel_names(names: Iterable[str]) -> dict[str, str]:
    """A reel for each of some different names: up to eight of A-Z, 0-9 and `_`."""
    found: dict[str, str] = {}
    taken = {name.casefold() for name in _RESERVED}
    for name in names:
        ascii_ = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^A-Z0-9]+", "_", ascii_.upper()).strip("_")[:REEL] or "REEL"
        found[name] = _number(plain, taken, REEL)
    return found


def _number(plain: str, taken: set[str], most: int) -> str:
    chosen, number = plain, 1
    while chosen.casefold() in taken:
        number += 1
        end = f"_{number}"
        chosen = plain[: most - len(end)] + end
    taken.add(chosen.casefold())
    return chosen


def file_url(folder: Path | None, file: str) -> str:
    """The URL of a media file: absolute if its folder is known, else relative to the exported file."""
    if folder is None:
        return quote(file)
    return (folder.resolve() / file).as_uri()
