"""What the tables for readers share: rows, numbers, and the text of users (names of runs, domains, parts) in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PARTIAL = "†"
"""Stands behind a run that was scored over a part of the queries; a note below the table says which."""
NONE = "–"
_RULES = {"l": ":--", "r": "--:"}
_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
}


def markdown_row(cells: Sequence[str]) -> str:
    """One line of a Markdown table. The backslash too is escaped: before a pipe it would undo the pipe's own."""
    escaped = (" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def markdown_table(
    heads: Sequence[str], align: str, rows: Iterable[Sequence[str]], padded_rule: bool = False
) -> list[str]:
    """The lines of a Markdown table. `align` has an "l" (left) or "r" (right) for each column.

    `padded_rule`: blanks in the line below the heads, as the tables of `summarise` have them.
    """
    rules = [_RULES[letter] for letter in align]
    rule = markdown_row(rules) if padded_rule else f"|{'|'.join(rules)}|"
    return [markdown_row(heads), rule, *map(markdown_row, rows)]


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it stands, in one line."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def show_number(value: float | None, digits: int) -> str:
    """A number with so many decimals; a dash for None."""
    return NONE if value is None else f"{value:.{digits}f}"


def show_spread(value: Mapping[str, Any] | None, digits: int, plus_minus: str = " ± ") -> str:
    """ "61.00 ± 1.41" of a {"mean", "sd"}; the mean alone where there is no deviation, a dash for None."""
    if value is None:
        return NONE
    spread = "" if value["sd"] is None else f"{plus_minus}{value['sd']:.{digits}f}"
    return f"{value['mean']:.{digits}f}{spread}"
