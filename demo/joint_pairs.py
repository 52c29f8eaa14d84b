"""Pairs of a colour and a kind of sound that a joint query can ask about: what they are worth, and which to choose.

Plans draw thousands of timelines and look at the pairs of each, so these functions take plain windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

Window = tuple[int, int]
"""Start and end in seconds, [start, end)."""
Pair = tuple[float, str, str]
"""IoU of the best answer from one sense, colour, kind."""


def find_pairs(shown: dict[str, list[Window]], heard: dict[str, list[Window]]) -> list[Pair]:
    """Colours and kinds that overlap, sorted by the IoU of the best answer from one sense.

    Such an answer is a window of the colour alone, or of the kind alone. Every overlap lasts 4 s or more.
    """
    pairs = []
    for colour, seen in shown.items():
        for kind, sounds in heard.items():
            # As `plan.overlaps`, in any order.
            spans = [(max(a, c), min(b, d)) for a, b in seen for c, d in sounds if a < d and c < b]
            if spans and min(end - start for start, end in spans) >= 4:
                # Of overlapping windows the union is all between their ends; others have no part in the best answer.
                best = max(
                    ((end if end < b else b) - (start if start > a else a))
                    / ((end if end > b else b) - (start if start < a else a))
                    for start, end in spans
                    for a, b in (*seen, *sounds)
                )
                pairs.append((best, colour, kind))
    return sorted(pairs, key=lambda pair: pair[0])


def windows_by_name(events: Iterable[tuple[str, Window]]) -> dict[str, list[Window]]:
    """The windows of each colour or kind, in the order in which they first come."""
    windows: dict[str, list[Window]] = {}
    for name, window in events:
        windows.setdefault(name, []).append(window)
    return windows


def choose_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Choose two of the pairs of `find_pairs`, if possible without a colour or kind in common."""
    able = [pair for pair in pairs if pair[0] < 1]
    apart = [two for two in combinations(able, 2) if two[0][1] != two[1][1] and two[0][2] != two[1][2]]
    # The pairs are sorted: the later one of two has the larger IoU.
    ranked = min(apart or combinations(able, 2), key=lambda two: two[1][0], default=None)
    return list(ranked) if ranked else able
