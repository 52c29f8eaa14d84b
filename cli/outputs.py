"""Files between packages: JSON and JSON lines in, whole files out (a half-written file never bears its final name)."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.errors import UserError

# Ends the name of a folder in which a file is being made.
PART = ".part"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to, and put what was written there in the place of `path` at the end.

    Readers see the old file or the whole new one: the name lies in a folder of its own beside `path`, and is renamed.
    It keeps the suffix, by which libraries tell formats apart. A link stays a link, and its target is replaced. What
    exists and is no regular file (a device, a pipe) gets the bytes and stays what it is.

    Raises:
        UserError: `path` is a folder, lies below a file or is a link to itself.
    """
    check_writable(path)
    with _naming(path):
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
    """Remove what killed processes had written of `path`. For its only writer: that of another would go as well."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        shutil.rmtree(folder, ignore_errors=True)


def check_writable(path: Path) -> None:
    """See whether a file can be written, and write nothing.

    Raises:
        UserError: `path` is a folder, lies below a file, is a link to itself, or may not be written.
    """
    place = _resolve(path)
    if place.is_dir():
        raise UserError(f"{path}: is a folder, not a file to write")
    folder = _find_folder(path, place.parent)
    _check_permission(path, path if _is_special(path) else folder)


def check_folder(path: Path) -> None:
    """See whether a folder is there or can be made, and takes files; write nothing.

    Raises:
        UserError: `path` is a file, lies below one, is a link to itself, or may not be written into.
    """
    place = _resolve(path)
    if place.exists() and not place.is_dir():
        raise UserError(f"{path}: is a file, not a folder to write into")
    _check_permission(path, _find_folder(path, place))


def _resolve(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError:  # a loop of links
        raise UserError(f"{path}: cannot be written: a link to itself") from None


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
    """See whether all outputs can be written and none is an input, another output or a folder of another.

    Before anything is written: what a command made first would be lost, or be there without the rest. Devices and
    pipes may be given more than once.

    Raises:
        UserError: one of them is not so.
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
            raise UserError(f"{path}: is to be written twice, as {written[place]} too")
        written[place] = path
    for place, path in written.items():
        for above in place.parents:
            if above in written:
                raise UserError(f"{path}: cannot be written: {written[above]} is to be a file")


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file that was asked for in errors of the system, which know another name or (a full disk) none."""
    try:
        yield
    except OSError as problem:
        if problem.strerror and (problem.filename is None or PART in str(problem.filename)):
            problem.filename, problem.filename2 = str(path), None
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    try:
        content = text.encode()
    except UnicodeEncodeError:  # a file name or an argument that is not UTF-8
        raise UserError(f"{path}: cannot be written: a name in it is not UTF-8") from None
    write_bytes(path, content)
