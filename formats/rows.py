"""JSON and JSON lines: the files between packages, read with one clear line for what is wrong."""

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


def shorten(value: Any, most: int = 60) -> str:
    """The start of a value's text, for messages of one line."""
    try:
        text = repr(value)
    except RecursionError:
        text = f"{type(value).__name__} of many levels"
    return text if len(text) <= most else text[: most - 1] + "…"


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


def write_object(path: Path, value: Row) -> None:
    """Indented JSON that keeps the order of the keys. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """JSON lines. NaN is refused: it is not JSON."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
