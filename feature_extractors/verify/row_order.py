"""Detect two differences that look like bad features: parts joined in another order, and rows shifted by one clip."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from cli import UserError
from feature_extractors.verify.row_pairs import Pair, Rows, cosines_of, matched
from formats.rows import shorten
from formats.store import Store

SAMPLE = 4096
"""Rows used to find the order of channels: enough to tell any two orders apart."""
CONVINCING = 0.999
"""Mean cosine at which another order of channels, or a shift, is accepted as the cause."""
MOST_PARTS = 6
"""Most parts for which other orders are tried."""
Order = tuple[Sequence[int], Sequence[int]]
"""Widths of A's parts, and the order in which B has them."""


def find_order(first: Sequence[Store], second: Sequence[Store], pairs: list[Pair]) -> Iterator[str]:
    """Report if B has A's channels with their parts in another order; widths of parts are recorded or detected."""
    rows, others = _sample(pairs)
    dim = rows.shape[1]
    recorded = [found for store in (first[0], second[0]) if sum(found := _recorded_widths(store)) == dim]
    known: dict[tuple[int, int, int], float] = {}
    for widths, order in [*(one for found in recorded for one in _orders(found)), *_likely(rows, others)]:
        if not 1 < len(widths) <= MOST_PARTS:
            continue
        starts, at, cosines = np.cumsum([0, *widths]).tolist(), 0, []
        for part in order:
            block = starts[part], widths[part], at
            if block not in known:
                ours = rows[:, block[0] : block[0] + block[1]]
                known[block] = float(cosines_of(ours, others[:, at : at + block[1]]).mean())
            # Parts may be normalised separately, so the cosine of each block decides, not that of the row.
            if known[block] < CONVINCING:
                break
            cosines.append(known[block])
            at += block[1]
        else:
            yield _describe(widths, order, cosines)
            return


def find_shift(pairs: list[Pair]) -> Iterator[str]:
    """Report if B has A's rows one clip later or earlier."""
    for shift, word in ((1, "later"), (-1, "earlier")):
        cosines = [cosines_of(*matched(pair, shift)[1:]) for pair in pairs]
        joined = np.concatenate(cosines) if cosines else np.zeros(0)
        if len(joined) and joined.mean() >= CONVINCING:
            yield f"the rows are shifted: B has them one place {word} than A (mean cosine {joined.mean():.4f} there)"


def _sample(pairs: list[Pair]) -> tuple[Rows, Rows]:
    """Take about SAMPLE matched rows of both, from ids spread over all of them, or all rows if there are fewer."""
    total = sum(first.length(name) for name, first, _ in pairs)
    step = max(1, total // SAMPLE)
    rows_of = [matched(pair)[1:] for pair in pairs[::step]]
    return np.concatenate([rows for rows, _ in rows_of]), np.concatenate([others for _, others in rows_of])


def _recorded_widths(store: Store) -> list[int]:
    """Widths of the parts of a joined import."""
    details = str(store.attributes.get("details", ""))
    try:
        parts = json.loads(details).get("parts", []) if details else []
        return [int(part["dim"]) for part in parts]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise UserError(f"{store.path}: its details are malformed: {shorten(details)}") from None


def _orders(widths: list[int]) -> Iterator[Order]:
    """All orders of the recorded parts but the original one, for parts recorded in A or in B."""
    for order in permutations(range(len(widths))) if len(widths) <= MOST_PARTS else ():
        if list(order) != sorted(order):
            yield widths, order
            yield [widths[part] for part in order], np.argsort(order).tolist()


def _likely(rows: Rows, others: Rows) -> Iterator[Order]:
    """Orders suggested by single channels: one matrix product gives the similarity of each pair of channels."""
    dim = rows.shape[1]
    if dim < 2:
        return
    alike = _unit_channels(rows).T @ _unit_channels(others)
    # Two parts: B is A rolled by the width of the second one, and that roll has the largest diagonal.
    diagonals = [alike[np.arange(dim), (np.arange(dim) + roll) % dim].mean() for roll in range(1, dim)]
    roll = int(np.argmax(diagonals)) + 1
    yield [dim - roll, roll], (1, 0)
    # More: channels that are neighbours in both.
    places = alike.argmax(axis=1)
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    if len(np.unique(places)) == dim:
        yield np.diff([*starts, dim]).tolist(), np.argsort(places[starts]).tolist()


def _unit_channels(rows: Rows) -> Rows:
    """Centre each channel and scale it to length 1; channels that do not vary become zero."""
    centred = rows - rows.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    return np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)


def _describe(widths: Sequence[int], order: Sequence[int], cosines: list[float]) -> str:
    def in_blocks(parts: Sequence[int]) -> str:
        return f"[{' | '.join(str(widths[part]) for part in parts)}]"

    found = f"A is {in_blocks(range(len(widths)))}, B has these blocks as {in_blocks(order)}"
    how = f"(mean cosines {', '.join(f'{cosine:.4f}' for cosine in cosines)} once put right)"
    if len(widths) == 2:
        return f"the order of channels is swapped: {found} {how}"
    return f"the order of channels is changed: {found}: parts {', '.join(str(part + 1) for part in order)} of A {how}"
