"""JSON and JSON lines: read with one clear line for anything malformed, written atomically."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cli.errors import UserError
from cli.outputs import write_text

Row = dict[str, Any]


def parse_json(text: str, what: str) -> Any:
    """Parse a JSON text. `what` names the text in messages.

    Raises:
        UserError: not JSON, or JSON that Python cannot hold or write back: nested too deeply, a whole number of
            thousands of digits, half of a surrogate pair.
    """
    try:
        value = json.loads(text)
        if "\\u" in text:  # only an escape can give text that UTF-8 cannot encode
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


def shorten(value: Any, most: int = 60) -> str:
    """A value's text, cut to fit a one-line message."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"{type(value).__name__} of many levels"
    return text if len(text) <= most else text[: most - 1] + "…"


def iterate_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield (line number from 1, object) for each line of a JSONL file; blank lines are skipped.

    Raises:
        UserError: no such file, not UTF-8, a line that is not JSON or not an object.
    """
    try:
        with path.open(encoding="utf-8-sig") as lines:  # some editors write a byte-order mark
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
    """Read all objects of a JSONL file; an empty file is an error."""
    rows = [row for _, row in iterate_rows(path)]
    if not rows:
        raise UserError(f"{path}: no rows")
    return rows


def first_with_rows(paths: Sequence[Path]) -> int:
    """The index of the first JSONL file with a row, among one file per domain; 0 for a single file without rows.

    Raises:
        UserError: there are several files, and none has a row.
    """
    return with_rows(paths)[0]


def with_rows(paths: Sequence[Path]) -> list[int]:
    """The indices of the JSONL files with a row, among one file per domain; 0 for a single file without rows.

    Raises:
        UserError: there are several files, and none has a row.
    """
    found = [index for index, path in enumerate(paths) if any(True for _ in iterate_rows(path))]
    if not found and len(paths) > 1:
        raise UserError(
            f"{paths[0]} and {len(paths) - 1} more have no rows: no domain can be read, see the list of problems"
            " (problems.tsv)"
        )
    return found or [0]


def read_object(path: Path) -> Row:
    """Read a JSON file that holds one object."""
    try:
        value = parse_json(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: not an object {{...}} but {type(value).__name__}")
    return value


def write_object(path: Path, value: Row) -> None:
    """Write indented JSON, keeping the order of the keys. NaN is an error: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write JSON lines. NaN is an error: it is not JSON."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
