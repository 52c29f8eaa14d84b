"""Files between packages: JSON and JSON lines in, whole files out (a half-written file never bears its final name)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.command import UserError

Row = dict[str, Any]


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
        with path.open(encoding="utf-8") as lines:
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


def read_object(path: Path) -> Row:
    """The one object of a JSON file."""
    try:
        value = parse_json(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: not an object {{...}} but {type(value).__name__}")
    return value


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to, and rename it into place at the end.

    Readers see the old file or the whole new one. The name keeps the suffix, by which libraries tell formats apart.

    Raises:
        UserError: `path` is a folder, or lies below a file.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a folder, not a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path}: cannot be written: {path.parent} is not a folder") from None
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        yield part
    except BaseException as problem:
        part.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.strerror and problem.filename is None:
            problem.filename = str(path)  # a full disk does not say which file it is about
        raise
    part.replace(path)


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
