"""The videos that a user names: files, and folders of them."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_extractors.video_files import CONTROL, choose_all

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One video.

    Attributes:
        file: the file.
        id: the name by which a line of queries means it: the file's name without extension; with extension, or as
            given, if that is the name of several.
    """

    file: Path
    id: str


def show_path(path: Path) -> str:
    """A path as text; bytes of it that are not UTF-8, line breaks and control characters are escaped."""
    text = str(path).encode(errors="backslashreplace").decode()
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def gather_videos(given: Sequence[Path]) -> tuple[list[Source], dict[Path, str]]:
    """The videos among some files and folders, each once, and why others are left out.

    Files count whatever their names; which files of a folder are videos is decided as in the workflow, except that
    several videos may share a name.
    """
    files: dict[Path, Path] = {}
    causes: dict[Path, str] = {}
    for path in given:
        found = [path]
        if path.is_dir():
            found, left_out = _search(path)
            causes |= left_out
        elif not path.is_symlink() and not path.exists():
            found, causes[path] = [], _say_absent(path)
        for file in found:
            place = file.resolve() if file.exists() else file
            if place in files:
                why = "given twice" if file == files[place] else f"the same file as {files[place]}"
                _log.warning("%s: %s: taken once", file, why)
            else:
                files[place] = file
    return _identify(list(files.values())), causes


def _say_absent(path: Path) -> str:
    if re.match(r"(https?|ftp):/", str(path)):
        return "a web address: download the video first"
    return f"no such file or folder{'' if path.is_absolute() else f' in {Path.cwd()}'}"


def _search(folder: Path) -> tuple[list[Path], dict[Path, str]]:
    """The videos of a folder and its subfolders, and why other files are left out."""
    files: list[Path] = []
    causes: dict[Path, str] = {}
    try:
        choices = choose_all(folder)
    except OSError as problem:
        return [], {folder: (problem.strerror or str(problem)).lower()}
    for choice in choices.values():
        several = [file for file, reason in choice.rest.items() if not reason]
        files += several if choice.file is None else [choice.file]
        causes |= {file: reason for file, reason in choice.rest.items() if reason}
    if not files and not causes:
        causes[folder] = "no video in this folder"
    return files, causes


def _identify(files: Sequence[Path]) -> list[Source]:
    """Give each file the shortest id that no other file has."""
    ids = [str(file) for file in files]
    for name in (lambda file: file.name, lambda file: file.stem):
        names = Counter(map(name, files))
        ids = [name(file) if names[name(file)] == 1 else id_ for file, id_ in zip(files, ids, strict=True)]
    return [Source(file, id_) for file, id_ in zip(files, ids, strict=True)]
