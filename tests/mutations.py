"""Hypothesis strategies: valid files with a few changes, as text, as bytes or as values."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""Inputs per test of the long form (`make fuzz`); 0 for the short one."""

# One of each kind of value that JSON allows but our files do not, or only in some places.
VALUES = st.sampled_from(
    [
        *(None, True, 0, -1, 2.5, 1e308, 5e-324, float("nan"), float("inf"), 10**400, 2**64, 2e9, [], {}, [[]], [None]),
        *("", "1", "a|b\n", "../..", "a\0b", "\u2028", "<b>", "😀" * 50, [[1, 2]], [[1, 2, 3]], [["a"]], {"a": 1}),
        [[[0.5]]],
    ]
).map(copy.deepcopy)
TOKENS = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\n", b"\\ud800", b"\xff", b"\0", b"NaN", b"1e999", b"-", b"&a [*a]"]
)


def few(short: int) -> settings:
    """The same inputs in every run: `short` of them, or as many as the long form asks for."""
    return settings(max_examples=EXAMPLES or short, derandomize=True, deadline=None, database=None)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path within nested lists and objects."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


@st.composite
def mutated_values(draw: st.DrawFn, valid: Any, most: int = 2) -> Any:
    """A copy with one to `most` values replaced, removed, or moved to another key."""
    value = copy.deepcopy(valid)
    for _ in range(draw(st.integers(1, most))):
        found = list(places(value))
        if not found:
            return value
        # All depths are equally likely; most values are at the bottom.
        depth = draw(st.sampled_from(sorted({len(path) for path in found})))
        *above, key = draw(st.sampled_from([path for path in found if len(path) == depth]))
        parent = value
        for step in above:
            parent = parent[step]
        change = draw(st.sampled_from(["replace", "replace", "remove", "rename"]))
        if change == "replace":
            parent[key] = draw(VALUES)
        elif change == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from(["", "x", f"{key}s", *map(str, parent)]))] = parent.pop(key)
        else:
            del parent[key]
    return value


@st.composite
def mutated_bytes(draw: st.DrawFn, valid: bytes, most: int = 3) -> bytes:
    """A copy with one to `most` bits flipped, pieces cut out, doubled or moved, or tokens put in."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, most))):
        first = draw(st.integers(0, max(0, len(content) - 1)))
        stop = min(len(content), first + draw(st.sampled_from([1, 2, 8, 64, 4096])))
        change = draw(st.sampled_from(["flip", "set", "cut", "double", "token", "end"]))
        if change == "flip" and content:
            content[first] ^= 1 << draw(st.integers(0, 7))
        elif change == "set" and content:
            content[first:stop] = bytes([draw(st.sampled_from([0, 255, 127, 32]))]) * (stop - first)
        elif change == "cut":
            del content[first:stop]
        elif change == "double":
            content[first:first] = content[first:stop]
        elif change == "token":
            content[first:first] = draw(TOKENS)
        else:
            del content[first:]
    return bytes(content)


def mutated_lines(rows: list[dict[str, Any]], most: int = 2) -> st.SearchStrategy[bytes]:
    """JSON lines: with values changed, or bytes."""
    return st.one_of(mutated_values(rows, most).map(_render), mutated_bytes(_render(rows)))


def mutated_json(value: Any, most: int = 2) -> st.SearchStrategy[bytes]:
    """A JSON text: with values changed, or bytes."""
    valid = json.dumps(value).encode()
    return st.one_of(mutated_values(value, most).map(lambda found: json.dumps(found).encode()), mutated_bytes(valid))


def _render(rows: Any) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
