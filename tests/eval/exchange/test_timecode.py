"""Time code, compared with OpenTimelineIO's."""

from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest

from eval.exchange.timecode import begin_frame, can_drop, read_timecode, show_timecode, timebase
from tests.eval.exchange.timelines import RATES

FRAMES = [0, 1, 1798, 1799, 1800, 1801, 3597, 3598, 17981, 17982, 17983, 107891, 107892, 215783, 215784]
"""On both sides of the first minutes, of ten minutes and of an hour, at 30 and at 60 frames per second."""


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_a_frame_has_the_time_code_that_another_library_gives(rate: str, drop: bool | None) -> None:
    exact, dropped = Fraction(rate), bool(drop)
    for frame in [*FRAMES, *range(5000, 1_000_000, 7919)]:
        ours = show_timecode(frame, exact, dropped)
        time = otio.opentime.RationalTime(frame, float(exact))
        assert ours == otio.opentime.to_timecode(time, float(exact), dropped), frame
        assert read_timecode(ours, exact) == (frame, dropped)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(60000, 1001)])
def test_drop_frame_time_code_keeps_to_the_clock_and_leaves_out_the_numbers_that_smpte_names(rate: Fraction) -> None:
    # SMPTE ST 12-1: numbers 0 and 1 (0 to 3 at 60) of each minute, except minutes 0, 10, 20, 30, 40 and 50.
    skipped = 2 * timebase(rate) // 30
    shown = [show_timecode(frame, rate, True) for frame in range(int(601 * rate))]
    assert len(set(shown)) == len(shown) and shown == sorted(shown)
    missing = {f"00:{minute:02d}:00;{number:02d}" for minute in range(1, 10) for number in range(skipped)}
    assert not missing & set(shown)
    assert "00:10:00;00" in shown and f"00:01:00;{skipped:02d}" in shown
    # 86,400 s of a clock are 86,399.9136 s of frames.
    assert show_timecode(round(3600 * rate), rate, True) == "01:00:00;00"


def test_a_day_begins_again() -> None:
    assert show_timecode(25 * 86400, Fraction(25), False) == "00:00:00:00"
    assert show_timecode(2_589_408, Fraction(30000, 1001), True) == "00:00:00;00"


@pytest.mark.parametrize(("rate", "drop"), RATES)
def test_timelines_begin_at_one_hour(rate: str, drop: bool | None) -> None:
    frame = begin_frame(Fraction(rate), bool(drop))
    assert show_timecode(frame, Fraction(rate), bool(drop)).replace(";", ":") == "01:00:00:00"


@pytest.mark.parametrize("rate", [Fraction(25, 2), Fraction(2997, 100), Fraction(15), Fraction(120)])
def test_other_rates_have_no_time_code(rate: Fraction) -> None:
    assert not can_drop(rate)
    with pytest.raises(ValueError, match=r"no time code counts .* \(23\.976, 24, 25, 29\.97, 30, 48, 50, 59\.94, 60\)"):
        timebase(rate)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("00:00:00:25", "25/1"),
        ("00:00:00;00", "25/1"),
        ("00:01:00;00", "30000/1001"),
        ("00:01:00;03", "60000/1001"),
        ("00:60:00:00", "25/1"),
        ("1:00:00:00", "25/1"),
        ("00:00:00:00x", "25/1"),
        ("", "25/1"),
    ],
)
def test_what_no_clock_shows_is_refused(text: str, rate: str) -> None:
    with pytest.raises(ValueError, match=r"time code|drop-frame"):
        read_timecode(text, Fraction(rate))
