"""The clip grid: how many clips there are, where they lie, and values of spans as those of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from cli import UserError
from formats.grid import ClipGrid, average_spans, clip_bounds, clip_centres, clips_between, whole_seconds


@pytest.mark.parametrize(
    ("duration", "seconds", "clips"),
    [
        (150.0, 2.0, 75),  # QVHighlights
        (149.9, 2.0, 75),  # a twentieth of a clip, 0.1 s, may be missing
        (149.89, 2.0, 74),
        (151.8, 2.0, 75),  # the last clip must be there
        (151.9, 2.0, 76),
        (3.96, 2.0, 2),  # MPEG-TS does not count the last frame's length
        (0.04, 2.0, 1),  # one frame is one clip
        (30.0, 0.5, 60),
    ],
)
def test_clip_count(duration: float, seconds: float, clips: int) -> None:
    assert ClipGrid(seconds=seconds).count(duration) == clips


@pytest.mark.parametrize("seconds", ["0", "-2", "NaN", "Infinity"])
def test_a_clip_must_last(seconds: str) -> None:
    with pytest.raises(UserError, match=r"seconds: Input should be (greater than 0|a finite number), got"):
        ClipGrid.from_json(f'{{"seconds": {seconds}}}')


def test_labelled_clips_last_two_seconds() -> None:
    """As in QVHighlights, TVSum and YouTube Highlights."""
    assert ClipGrid() == ClipGrid(seconds=2.0)
    assert whole_seconds(75) == 150 and isinstance(whole_seconds(75), int)
    assert list(clips_between(4, 10)) == [2, 3, 4]
    assert clip_bounds(3).tolist() == [[0.0, 2.0], [2.0, 4.0], [4.0, 6.0]]
    assert clip_bounds(2, 0.5).tolist() == [[0.0, 0.5], [0.5, 1.0]]
    assert clip_bounds(0).shape == (0, 2)
    assert clip_centres(3).tolist() == [1.0, 3.0, 5.0]


def test_a_clip_has_the_mean_over_the_spans_that_contain_it() -> None:
    spans = [((0, 3), [1.0, 2.0, 3.0]), ((2, 4), [5.0, 4.0])]
    np.testing.assert_array_equal(average_spans(spans, 5), [1.0, 2.0, 4.0, 4.0, np.nan])
    channels = [((0, 1), [[1.0, 2.0]]), ((0, 1), [[3.0, 6.0]])]
    np.testing.assert_array_equal(average_spans(channels, 2), [[2.0, 4.0], [np.nan, np.nan]])
