"""Files between packages: JSON and JSON lines in, whole files out (a half-written file never bears its final name)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.command import UserError

Row = dict[str, Any]


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
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as problem:
                    raise UserError(f"{path}: line {number}: not JSON: {problem.msg}") from None
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
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    except json.JSONDecodeError as problem:
        raise UserError(f"{path}: line {problem.lineno}: not JSON: {problem.msg}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: not an object {{...}} but {type(value).__name__}")
    return value


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to, and rename it into place at the end.

    Readers see the old file or the whole new one. The name keeps the suffix, by which libraries tell formats apart.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode())


def write_object(path: Path, value: Row) -> None:
    """Indented JSON that keeps the order of the keys. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """JSON lines. NaN is refused: it is not JSON."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
