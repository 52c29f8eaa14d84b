"""The queries of a file: of all its domains, or of one as TVSum's networks are trained."""

from __future__ import annotations

from pathlib import Path

from cli import UserError
from formats.annotations import read_annotations
from formats.rows import Row


def read_queries(file: Path, domain: str | None = None) -> list[Row]:
    """The rows of a file, of one domain if one is given.

    Raises:
        UserError: the file is malformed, or has no row of the domain.
    """
    rows = read_annotations([file])
    if domain is None:
        return rows
    kept = [row for row in rows if row.get("domain") == domain]
    if not kept:
        known = ", ".join(sorted({str(row["domain"]) for row in rows if "domain" in row})) or "none"
        raise UserError(f"{file}: no row of domain {domain!r} (domains: {known})")
    return kept


def name_scope(domain: str | None) -> str:
    """What a message calls the queries that are read."""
    return f"domain {domain}" if domain else "all queries"
