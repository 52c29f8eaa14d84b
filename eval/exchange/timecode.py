"""SMPTE time code: frames as hours, minutes, seconds and frames (SMPTE ST 12-1).

Time code counts whole frames, so at 30000/1001 frames per second it runs 3.6 s per hour slower than a clock. Drop-frame
time code corrects that: the first two numbers (four at 60000/1001) of each minute are left out, except in every tenth.
"""

from __future__ import annotations

from fractions import Fraction

from formats.media.footage import TIMECODE

_NTSC = Fraction(1000, 1001)
COUNTED = (24 * _NTSC, *map(Fraction, (24, 25)), 30 * _NTSC, *map(Fraction, (30, 48, 50)), 60 * _NTSC, Fraction(60))
"""Frame rates of SMPTE ST 12-1 and of timelines in editing programs."""
_DROPPED = {Fraction(30000, 1001): 2, Fraction(60000, 1001): 4}
"""Numbers that drop-frame time code leaves out at the begin of a minute."""


def timebase(rate: Fraction) -> int:
    """The whole number of frames that time code counts per second: 30 for 30000/1001.

    Raises:
        ValueError: time code is not used at this rate.
    """
    if rate not in COUNTED:
        known = ", ".join(f"{float(usual):.3f}".rstrip("0").rstrip(".") for usual in COUNTED)
        raise ValueError(f"no time code counts {float(rate):.6g} frames per second ({known})")
    return round(rate)


def can_drop(rate: Fraction) -> bool:
    """Whether drop-frame time code exists for a rate."""
    return rate in _DROPPED


def show_timecode(frame: int, rate: Fraction, drop: bool) -> str:
    """The time code of a frame, from 0 for 00:00:00:00. After 24 hours it begins again."""
    base = timebase(rate)
    if drop:
        frame %= _per_day(rate)
        tens, rest = divmod(frame, _per_ten_minutes(rate))
        skipped = _DROPPED[rate]
        # The first minute of ten has all numbers, the others have `skipped` fewer.
        minutes = max(0, (rest - skipped) // (base * 60 - skipped))
        frame += skipped * (9 * tens + minutes)
    seconds, frames = divmod(frame % (base * 86400), base)
    mark = ";" if drop else ":"
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{frames:02d}"


def read_timecode(text: str, rate: Fraction) -> tuple[int, bool]:
    """The frame that a time code stands for, and whether it is drop-frame.

    Raises:
        ValueError: not a time code of this rate.
    """
    match = TIMECODE.fullmatch(text)
    base = timebase(rate)
    if match is None or int(match[5]) >= base:
        raise ValueError(f"{text!r} is no time code at {float(rate):.6g} frames per second")
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
    drop = match[4] != ":"
    number = ((hours * 60 + minutes) * 60 + seconds) * base + frames
    if not drop:
        return number, False
    if rate not in _DROPPED:
        raise ValueError(f"{text!r} is drop-frame, which does not exist at {float(rate):.6g} frames per second")
    if not seconds and minutes % 10 and frames < _DROPPED[rate]:
        raise ValueError(f"{text!r} is a number that drop-frame time code leaves out")
    total = hours * 60 + minutes
    return number - _DROPPED[rate] * (total - total // 10), True


def begin_frame(rate: Fraction, drop: bool) -> int:
    """The frame at 01:00:00:00, with which timelines of editing programs begin."""
    return read_timecode("01:00:00;00" if drop else "01:00:00:00", rate)[0]


def _per_ten_minutes(rate: Fraction) -> int:
    return timebase(rate) * 600 - 9 * _DROPPED[rate]


def _per_day(rate: Fraction) -> int:
    return 144 * _per_ten_minutes(rate)
