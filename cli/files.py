"""Files between packages: JSON and JSON lines in, whole files out (a half-written file never bears its final name)."""

from __future__ import annotations

import glob
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.errors import UserError

Row = dict[str, Any]

# Ends the name of a folder in which a file is being made.
PART = ".part"


def parse_json(text: str, what: str) -> Any:
    """The value of a JSON text. `what` stands for the text in messages.

    Raises:
        UserError: not JSON, or JSON that Python cannot hold or write again: nested too deeply, a whole number of
            thousands of digits, half of a surrogate pair.
    """
    try:
        value = json.loads(text)
        if "\\u" in text:  # the one way to text that has no UTF-8
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as problem:
        line = f"line {problem.lineno}: " if "\n" in text.rstrip() else ""
        raise UserError(f"{what}: {line}not JSON: {problem.msg}") from None
    except RecursionError:
        raise UserError(f"{what}: JSON that is nested too deeply") from None
    except UnicodeEncodeError:
        raise UserError(f"{what}: holds half of a surrogate pair (\\ud800 to \\udfff), which is no character") from None
    except ValueError:
        raise UserError(f"{what}: a whole number of more than {sys.get_int_max_str_digits()} digits") from None
    return value


def iterate_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield (line number from 1, object) of a JSONL file; blank lines are passed over.

    Raises:
        UserError: no such file, not UTF-8, a line that is not JSON or not an object.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:  # some editors begin a file with a mark
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                row = parse_json(line, f"{path}: line {number}")
                if not isinstance(row, dict):
                    raise UserError(f"{path}: line {number}: not an object {{...}} but {type(row).__name__}")
                yield number, row
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None


def read_rows(path: Path) -> list[Row]:
    """All objects of a JSONL file; an empty file is an error."""
    rows = [row for _, row in iterate_rows(path)]
    if not rows:
        raise UserError(f"{path}: no rows")
    return rows


def first_with_rows(paths: Sequence[Path]) -> int:
    """Which of some JSONL files, one a domain, is the first with a row; 0 for a single file without any.

    Raises:
        UserError: there are several, and none has any.
    """
    found = next((index for index, path in enumerate(paths) if any(True for _ in iterate_rows(path))), None)
    if found is None and len(paths) > 1:
        raise UserError(
            f"{paths[0]} and {len(paths) - 1} more have no rows: no domain can be read, see reports/problems.tsv"
        )
    return found or 0


def read_object(path: Path) -> Row:
    """The one object of a JSON file."""
    try:
        value = parse_json(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: not an object {{...}} but {type(value).__name__}")
    return value


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
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a file to write")
        parent = path.resolve().parent
    except RuntimeError:  # a loop of links
        raise UserError(f"{path}: cannot be written: a link to itself") from None
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise UserError(f"{path}: cannot be written: {parent} is not a folder")
    place = path if _is_special(path) else parent
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


def write_object(path: Path, value: Row) -> None:
    """Indented JSON that keeps the order of the keys. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """JSON lines. NaN is refused: it is not JSON."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
