"""Cuts in frames, and which videos have none."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from cli import UserError
from eval.exchange.cuts import Cut, Timeline, first_timecode
from tests.eval.exchange.timelines import make_footage


@pytest.mark.parametrize(
    ("rate", "start", "end", "frames"),
    [
        ("25/1", 2.0, 4.0, (50, 100)),
        ("24000/1001", 2.0, 4.0, (48, 96)),  # 47.95 and 95.90
        ("30000/1001", 100.0, 102.0, (2997, 3057)),  # 2997.003 and 3056.94
        ("25/1", 0.02, 0.06, (1, 2)),  # half a frame goes to the next
        ("25/1", 2.0, 2.001, (50, 51)),  # at least one frame
        ("25/1", 3699.99, 3800.0, (92499, 92500)),  # no more than there are
    ],
)
def test_edges_are_the_nearest_frames(rate: str, start: float, end: float, frames: tuple[int, int]) -> None:
    assert Cut(make_footage(rate), start, end, "", None).frames() == frames


def test_frames_count_from_the_first_picture() -> None:
    # The sound of this file begins 1.2 s before its picture.
    assert Cut(make_footage(lead_s=1.2), 2.2, 4.2, "", None).frames() == (25, 75)


def test_a_variable_frame_rate_is_refused_with_a_hint() -> None:
    footage = make_footage("", problem="variable frame rate: frame 12 is late")
    with pytest.raises(UserError, match=r"053 <&>\.mp4: variable frame rate: frame 12 .*-fps_mode cfr.*vtt") as told:
        Cut(footage, 0.0, 2.0, "", None).frames()
    assert "\n" not in str(told.value)


def test_one_timeline_has_one_rate() -> None:
    one, other = make_footage("25/1"), make_footage("30000/1001", vid="b", file="b.mp4")
    timeline = Timeline("t", (Cut(one, 0.0, 2.0, "", None), Cut(other, 0.0, 2.0, "", None)))
    with pytest.raises(UserError, match=r"25 frames per second, b\.mp4 29\.97: one timeline needs one rate"):
        timeline.rate()


def test_a_rate_without_time_code_is_refused_where_that_is_needed() -> None:
    timeline = Timeline("t", (Cut(make_footage("25/2"), 0.0, 2.0, "", None),))
    assert timeline.rate() == Fraction(25, 2)
    with pytest.raises(UserError, match=r"no time code counts 12\.5 frames per second .*: choose otio"):
        timeline.counted_rate()


@pytest.mark.parametrize(
    ("rate", "timecode", "drop", "of_timeline", "of_file"),
    [
        ("30000/1001", "", None, True, True),
        ("30000/1001", "", False, False, False),
        ("30000/1001", "10:00:00;00", None, True, True),
        ("30000/1001", "10:00:00:00", None, False, False),
        ("30000/1001", "10:00:00:00", True, True, False),
        ("60000/1001", "", None, True, True),
        ("24000/1001", "", True, False, False),
        ("25/1", "10:00:00:00", True, False, False),
    ],
)
def test_drop_frame_is_what_the_file_says_else_due_at_ntsc_rates(
    rate: str, timecode: str, drop: bool | None, of_timeline: bool, of_file: bool
) -> None:
    footage = make_footage(rate, timecode=timecode)
    timeline = Timeline("t", (Cut(footage, 0.0, 2.0, "", None),), drop)
    assert (timeline.drops(), timeline.drops_in(footage)) == (of_timeline, of_file)


@pytest.mark.parametrize(("rate", "timecode"), [("25/1", "00:00:00:30"), ("25/1", "00:00:00;00")])
def test_a_time_code_of_another_rate_names_the_file(rate: str, timecode: str) -> None:
    with pytest.raises(UserError, match=r"053 <&>\.mp4: time code '00:00:00.*25 frames per second"):
        first_timecode(make_footage(rate, timecode=timecode))


def test_the_first_frame_may_have_a_time_code() -> None:
    changes: dict[str, Any] = {"timecode": "01:00:00:10"}
    assert first_timecode(make_footage("25/1", **changes)) == 90010
    assert first_timecode(make_footage("25/1")) == 0
