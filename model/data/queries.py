"""The queries of a file: of all domains, or of a single one, as for TVSum's networks."""

from __future__ import annotations

from pathlib import Path

from formats.annotations import read_annotations, select_domains
from formats.rows import Row


def read_queries(file: Path, domain: str | None = None) -> list[Row]:
    """Read the rows of a file, or only those of one domain if it is given.

    Raises:
        UserError: the file is malformed, or has no row of the domain.
    """
    rows = read_annotations([file])
    return rows if domain is None else select_domains(rows, [domain], str(file))


def name_scope(domain: str | None) -> str:
    """Name of the selected queries in messages."""
    return f"domain {domain}" if domain else "all queries"
