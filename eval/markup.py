"""Markup of tables: rows, numbers, and escaped text such as the names of runs, domains and parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PARTIAL = "†"
"""Mark of a run that was scored over a part of the queries; a note below the table gives their number."""
NOT_COMPARABLE = "not comparable with full-set numbers"
"""End of every note on such a run."""
NONE = "–"
_RULES = {"l": ":--", "r": "--:"}
_MARKDOWN = {"&": "&amp;", "<": "&lt;", "`": "&#96;", "[": "&#91;", "*": "&#42;", "\\": "&#92;"}
_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
}


def markdown_row(cells: Sequence[str]) -> str:
    """Render one line of a Markdown table. Backslashes are escaped too: one before a pipe would undo its escape."""
    escaped = (" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def markdown_table(
    heads: Sequence[str], align: str, rows: Iterable[Sequence[str]], padded_rule: bool = False
) -> list[str]:
    """Render the lines of a Markdown table. `align` has an "l" (left) or "r" (right) for each column.

    `padded_rule`: put spaces into the line below the heads, as in the tables of `summarise`.
    """
    rules = [_RULES[letter] for letter in align]
    rule = markdown_row(rules) if padded_rule else f"|{'|'.join(rules)}|"
    return [markdown_row(heads), rule, *map(markdown_row, rows)]


def markdown_text(text: str) -> str:
    """Escape text so that Markdown finds no code, tags or links in it, on one line, also in a table.

    A backslash before the character would not do: `markdown_row` escapes backslashes.
    """
    return "".join(_MARKDOWN.get(character, character) for character in " ".join(text.split()))


def latex_text(text: str) -> str:
    """Escape text for LaTeX, on one line."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def show_number(value: float | None, digits: int) -> str:
    """Format a number with `digits` decimals; a dash for None."""
    return NONE if value is None else f"{value:.{digits}f}"


def show_spread(value: Mapping[str, Any] | None, digits: int, plus_minus: str = " ± ") -> str:
    """Format {"mean", "sd"} as "61.00 ± 1.41"; the mean alone if `sd` is None, a dash for None."""
    if value is None:
        return NONE
    spread = "" if value["sd"] is None else f"{plus_minus}{value['sd']:.{digits}f}"
    return f"{value['mean']:.{digits}f}{spread}"


def count(number: int, one: str, several: str) -> str:
    """Format a number with its noun: "1 video", "2 videos"."""
    return f"{number} {one if number == 1 else several}"
