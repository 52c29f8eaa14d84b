"""The queries of a file: of all its domains, or of one as TVSum's networks are trained."""

from __future__ import annotations

from pathlib import Path

from formats.annotations import read_annotations, select_domains
from formats.rows import Row


def read_queries(file: Path, domain: str | None = None) -> list[Row]:
    """The rows of a file, of one domain if one is given.

    Raises:
        UserError: the file is malformed, or has no row of the domain.
    """
    rows = read_annotations([file])
    return rows if domain is None else select_domains(rows, [domain], str(file))


def name_scope(domain: str | None) -> str:
    """What a message calls the queries that are read."""
    return f"domain {domain}" if domain else "all queries"
