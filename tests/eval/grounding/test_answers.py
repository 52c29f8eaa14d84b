"""Answers in words, with the moments that the public programs read in them (TimeLens 5d90c06, lmms-eval 75571cf)."""

from __future__ import annotations

import pytest

from eval.grounding.answers import read_charades, read_timelens, write_answer

ANSWERS = [
    ("The event happens in 3.5 - 8 seconds.", [(3.5, 8)], [(3.5, 8)]),
    ("From 3.5 to 8.", [(3.5, 8)], [(3.5, 8)]),
    ("It starts at 0:05 and ends at 1:10.", [(5, 70)], [(5, 70)]),
    ("0:01:05.5 to 0:01:10", [(65.5, 70)], [(5.5, 0)]),  # Charades-STA: after the full stop, see below
    ("Starting time: 0.8 seconds\nEnding time: 1.1 seconds", [(0.8, 1.1)], [(0.8, 1.1)]),
    ("Two times: 1 - 2 and 5 - 9 seconds.", [(1, 2), (5, 9)], [(1, 2)]),
    ("The event happens in 8 - 3 seconds.", [(8, 3)], [(8, 3)]),
    ("It happens at second 12.", [], []),
    ("1, 2 and 3", [(1, 2)], []),
    ("I cannot tell.", [], []),
    ("", [], []),
    ("The man jumps 2 - 3 times.\nThe event happens in 20 - 30 seconds.", [(2, 3), (20, 30)], [(20, 30)]),
    ("A specific example is : 20.8 - 30.0 seconds. It happens in 1 - 2 s.", [(20.8, 30), (1, 2)], [(1, 2)]),
    ("It happens in 12s - 20s.", [(12, 20)][:0] or [], [(12, 20)]),
    ("happens in 00:18.5 - 00:23.5", [(18.5, 23.5)], [(18.5, 0)]),
    ("happens in 12 – 20", [(12, 20)], [(12, 20)]),  # an en dash
]


@pytest.mark.parametrize(("answer", "timelens", "charades"), ANSWERS)
def test_moments_of_an_answer(answer, timelens, charades):
    assert read_timelens(answer) == timelens
    assert read_charades(answer) == [(min(moment), max(moment)) for moment in charades]


@pytest.mark.parametrize("moment", [(0.0, 5.0), (24.3, 30.4), (0.0001, 150.0), (100.0, 120.0), (1e-5, 1e5)])
def test_both_read_what_is_written(moment):
    answer = write_answer(moment)
    assert "e-" not in answer
    rounded = [(round(moment[0], 4), moment[1])]
    assert read_timelens(answer) == read_charades(answer) == rounded
