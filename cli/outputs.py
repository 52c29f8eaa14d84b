"""Output files: checked before the work starts, written atomically (a half-written file never has its final name)."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.errors import UserError, one_line

# Suffix of the temporary folder in which a file is being written.
PART = ".part"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file to write to, and move it to `path` at the end.

    Readers see the old file or the complete new one: the temporary file lies in a folder of its own next to `path` and
    is renamed. It keeps the suffix, by which libraries recognise formats. A link stays a link, and its target is
    replaced. If `path` exists and is not a regular file (a device, a pipe), the bytes are written to it instead.

    Raises:
        UserError: `path` is a folder, lies below a file or is a link to itself.
    """
    check_writable(path)
    with naming(path):
        if _is_special(path):
            folder = tempfile.mkdtemp()
        else:
            path = path.resolve() if path.is_symlink() else path
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.mkdtemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
        try:
            part = Path(folder, f"{path.stem}.part{path.suffix}")
            yield part
            if _is_special(path):
                with part.open("rb") as source, path.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
            else:
                part.replace(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of `path`. Only for its sole writer: the files of another would go as well."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        shutil.rmtree(folder, ignore_errors=True)


def check_writable(path: Path) -> None:
    """Check that a file can be written, without writing anything.

    Raises:
        UserError: `path` is a folder, lies below a file, is a link to itself, or may not be written.
    """
    place = _resolve(path)
    if place.is_dir():
        raise UserError(f"{path}: is a folder, not a file to write")
    folder = _find_folder(path, place.parent)
    _check_permission(path, path if _is_special(path) else folder)


def check_folder(path: Path) -> None:
    """Check that a folder exists or can be created, and that files can be written to it, without writing anything.

    Raises:
        UserError: `path` is a file, lies below one, is a link to itself, or may not be written into.
    """
    place = _resolve(path)
    if place.exists() and not place.is_dir():
        raise UserError(f"{path}: is a file, not a folder to write into")
    _check_permission(path, _find_folder(path, place))


def _resolve(path: Path) -> Path:
    try:
        place = path.resolve()
        looped = place.is_symlink()  # Python 3.13 leaves a loop of links as it is
    except RuntimeError:  # as earlier versions say it
        looped = True
    if looped:
        raise UserError(f"{path}: cannot be written: a link to itself")
    return place


def _find_folder(path: Path, folder: Path) -> Path:
    """The nearest folder that exists, from `folder` upwards."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise UserError(f"{path}: cannot be written: {folder} is not a folder")
    return folder


def _check_permission(path: Path, place: Path) -> None:
    if not os.access(place, os.W_OK):
        raise UserError(f"{path}: cannot be written: no permission for {place}")


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Check that all outputs can be written and that none is an input, another output or a folder of another.

    Call it before anything is written: otherwise the first results could be lost, or be left without the rest. Devices
    and pipes may be given more than once.

    Raises:
        UserError: one of them fails the check; the message names it.
    """
    for path in outputs:
        check_writable(path)
    read = {path.resolve(): path for path in inputs if path.exists()}
    written: dict[Path, Path] = {}
    for path in outputs:
        if _is_special(path):
            continue
        place = path.resolve()
        if place in read:
            raise UserError(f"{path}: would overwrite the input {read[place]}")
        if place in written:
            raise UserError(f"{path}: would be written twice, also as {written[place]}")
        written[place] = path
    for place, path in written.items():
        for above in place.parents:
            if above in written:
                raise UserError(f"{path}: cannot be written: {written[above]} is also an output, and a file")


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the requested file in the system's errors, which name the temporary one or (if the disk is full) none."""
    try:
        yield
    except OSError as problem:
        if not problem.strerror or not (problem.filename is None or PART in str(problem.filename)):
            raise
        try:
            problem.filename, problem.filename2 = str(path), None
        except AttributeError:  # PyAV's errors cannot be changed
            raise OSError(problem.errno, problem.strerror, str(path)) from problem
        raise


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Name the file where a library cannot save: torch and safetensors report a full disk in words of their own.

    Keep only saving in the block.

    Raises:
        UserError: it cannot be written.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as problem:
        raise UserError(f"{path}: cannot be written (is the disk full?): {one_line(problem)}") from None


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, atomically."""
    try:
        content = text.encode()
    except UnicodeEncodeError:  # a file name or an argument that is not UTF-8
        raise UserError(f"{path}: cannot be written: a name in it is not UTF-8") from None
    write_bytes(path, content)
