"""Pairs of a colour and a sound: their worth by its definition, and which two are chosen."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from demo.joint_pairs import Window, choose_pairs, find_pairs, windows_by_name


def iou(one: Window, other: Window) -> float:
    inter = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return inter / (one[1] - one[0] + other[1] - other[0] - inter)


def test_a_pair_is_worth_the_best_answer_from_one_sense() -> None:
    # Both are there from 4 to 10 s: of the colour's 10 s that is 0.6, of the sound's 12 s a half.
    assert find_pairs({"red": [(0, 10)]}, {"bell": [(4, 16)]}) == [(0.6, "red", "bell")]
    assert find_pairs({"red": [(0, 10)]}, {"bell": [(8, 16)]}) == []  # 2 s are too short
    assert find_pairs({"red": [(0, 10)]}, {"bell": [(4, 16)], "drum": [(2, 8)]})[0] == (0.6, "red", "bell")


def test_pairs_are_those_of_the_definition_for_any_windows() -> None:
    rng = np.random.default_rng(5)

    def draw(names: str) -> dict[str, list[Window]]:
        starts, lengths = 2 * rng.integers(0, 25, 5), 2 * rng.integers(3, 8, 5)
        drawn = ((names[int(rng.integers(3))], (int(a), int(a + n))) for a, n in zip(starts, lengths, strict=True))
        return windows_by_name(drawn)

    seen_any = 0
    for _ in range(200):
        shown, heard = draw("rgb"), draw("xyz")
        expected = {}
        for colour, seen in shown.items():
            for kind, sounds in heard.items():
                spans = [(max(a, c), min(b, d)) for a, b in seen for c, d in sounds if max(a, c) < min(b, d)]
                if spans and all(end - start >= 4 for start, end in spans):
                    expected[colour, kind] = max(iou(one, span) for span in spans for one in seen + sounds)
        found = find_pairs(shown, heard)
        assert {(colour, kind): worth for worth, colour, kind in found} == expected
        assert [pair[0] for pair in found] == sorted(pair[0] for pair in found)
        able = [pair for pair in found if pair[0] < 1]
        apart = [two for two in combinations(able, 2) if two[0][1] != two[1][1] and two[0][2] != two[1][2]]
        chosen = choose_pairs(found)
        if apart:
            seen_any += 1
            assert max(pair[0] for pair in chosen) == min(max(one[0], other[0]) for one, other in apart)
            assert chosen[0][1] != chosen[1][1] and chosen[0][2] != chosen[1][2]
        else:
            assert chosen == able[:2]
    assert seen_any > 50
