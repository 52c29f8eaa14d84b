"""Query ids that depend on nothing but the query itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from cli import UserError


def stable_qid(*parts: str) -> int:
    """Hash the parts that identify a query to a whole number below 2**48; other queries do not affect it."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big")


def number(queries: Sequence[tuple[str, ...]], where: str) -> list[int]:
    """Give each of some distinct queries its id.

    Raises:
        UserError: two different queries got the same id (probability: 1 in a million for 20,000 queries).
    """
    found: dict[int, tuple[str, ...]] = {}
    for parts in queries:
        other = found.setdefault(stable_qid(*parts), parts)
        if other is not parts:
            raise UserError(f"{where}: {' '.join(parts)!r} and {' '.join(other)!r} would share a qid: change one")
    return list(found)
