"""What goes into a reel, and how many frames it has."""

from __future__ import annotations

from fractions import Fraction

import pytest

from av_highlights.reel.plan import make_plan
from cli import UserError
from eval.exchange.cuts import Cut
from formats.media.footage import Footage


def footage(vid: str = "a", rate: str = "25/1", **changes: object) -> Footage:
    about = {"file": f"{vid}.mp4", "seconds": 100.0, "frames": 2500, "width": 64, "height": 48, "channels": 1}
    return Footage(**{"vid": vid, "rate": rate, **about, **changes})  # type: ignore[arg-type]


CUTS = [
    Cut(footage(), 0.0, 4.0, "x", 0.2),
    Cut(footage(), 10.0, 12.0, "x", 0.9),
    Cut(footage(), 20.0, 26.0, "x", 0.5),
]


def test_moments_are_in_the_order_of_time_or_the_best_come_first() -> None:
    assert [part.start for part in make_plan(CUTS).parts] == [0.0, 10.0, 20.0]
    assert [part.start for part in make_plan(CUTS, "score").parts] == [10.0, 20.0, 0.0]
    assert make_plan(CUTS).frames == 25 * 12


@pytest.mark.parametrize(
    ("target", "starts"),
    [
        (12.0, [0.0, 10.0, 20.0]),
        (11.9, [10.0, 20.0]),
        (7.9, [0.0, 10.0]),  # the second best does not fit beside the best, the third does
        (4.0, [10.0]),
    ],
)
def test_the_best_that_fit_are_kept(target: float, starts: list[float]) -> None:
    plan = make_plan(CUTS, target_s=target)
    assert [part.start for part in plan.parts] == starts
    assert plan.frames <= target * 25


@pytest.mark.parametrize("fade", [0.2, 1.0, 2.0, 30.0])
@pytest.mark.parametrize("target", [1.0, 3.0, 5.3])
def test_a_long_fade_makes_no_reel_longer_than_asked(fade: float, target: float) -> None:
    cuts = [Cut(footage(), start, start + 0.9, "x", 0.5) for start in range(0, 20, 2)]
    plan = make_plan(cuts, target_s=target, fade_s=fade)
    assert plan.parts and plan.frames <= target * 25


def test_nothing_that_fits_is_said() -> None:
    with pytest.raises(UserError, match=r"no moment fits into 1\.5 s: the shortest has 2 s"):
        make_plan(CUTS, target_s=1.5)
    with pytest.raises(UserError, match="no moments of videos with pictures are selected: lower --threshold"):
        make_plan([Cut(footage(frames=0, rate=""), 0.0, 2.0, "x", None)])


def test_a_fade_makes_the_reel_shorter_and_covers_at_most_half_of_a_part() -> None:
    plan = make_plan(CUTS, fade_s=0.4)
    assert (plan.fade, plan.frames) == (10, 280)
    assert make_plan(CUTS, fade_s=0.4, target_s=11.2).frames == 280  # which fits only with its fades
    assert make_plan(CUTS, fade_s=3.0).fade == 25  # half of 2 s
    assert make_plan(CUTS[:1], fade_s=3.0).fade == 0


def test_ends_are_frames_of_the_video() -> None:
    (part,) = make_plan([Cut(footage(rate="30000/1001", lead_s=0.5), 2.5, 3.5, "x", None)]).parts
    # 2 s behind the first frame are frame 59.94, 3 s frame 89.91.
    assert (part.frames, part.start) == (30, pytest.approx(0.5 + 60 * 1001 / 30000))


def test_rate_and_size_suit_most_videos() -> None:
    cuts = [
        Cut(footage("a"), 0.0, 2.0, "", None),
        Cut(footage("b", "30000/1001", width=31, height=101), 0.0, 2.0, "", None),
        Cut(footage("c", "30000/1001"), 0.0, 2.0, "", None),
        Cut(footage("d", "", problem="variable"), 0.0, 2.0, "", None),
    ]
    plan = make_plan(cuts)
    assert (plan.rate, plan.size, plan.sound) == (Fraction(30000, 1001), (64, 102), True)
    assert [part.frames for part in plan.parts] == [60, 60, 60, 60]
    assert make_plan(cuts[3:]).rate == 30
    plan = make_plan(cuts, size=(33, 20), rate=Fraction(10))
    assert (plan.rate, plan.size, [part.frames for part in plan.parts]) == (10, (34, 20), [20] * 4)
