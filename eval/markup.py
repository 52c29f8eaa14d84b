"""Text of users (names of runs, domains, parts) inside Markdown and LaTeX tables."""

from __future__ import annotations

from collections.abc import Sequence

_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
}


def markdown_row(cells: Sequence[str]) -> str:
    """One line of a Markdown table. The backslash too is escaped: before a pipe it would undo the pipe's own."""
    escaped = (" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it stands, in one line."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
