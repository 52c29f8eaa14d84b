"""Plan a reel: its moments in order, its frame rate and size, and the frames of every part."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cli import UserError
from eval.exchange.cuts import Cut, constant_rate

USUAL_RATE = Fraction(30)
"""Frames per second of a reel whose videos all have variable frame rates."""
ORDERS = ("time", "score")


@dataclass(frozen=True)
class Part:
    """A moment in a reel.

    Attributes:
        cut: the moment.
        start: seconds from second 0 of its video at which the part begins: when the first frame is shown.
        frames: number of the reel's frames.
    """

    cut: Cut
    start: float
    frames: int


@dataclass(frozen=True)
class Plan:
    """A reel.

    Attributes:
        parts: in the order of the reel.
        rate: its frames per second, the same all through.
        size: width and height in pixels, even numbers.
        fade: frames by which each part overlaps the next one.
        sound: whether any of its videos has sound.
    """

    parts: tuple[Part, ...]
    rate: Fraction
    size: tuple[int, int]
    fade: int
    sound: bool

    @property
    def frames(self) -> int:
        """Frames of the reel."""
        return sum(part.frames for part in self.parts) - self.fade * (len(self.parts) - 1)


def make_plan(
    cuts: Sequence[Cut],
    order: str = "time",
    target_s: float | None = None,
    fade_s: float = 0.0,
    size: tuple[int, int] | None = None,
    rate: Fraction | None = None,
) -> Plan:
    """Plan a reel of cuts.

    Args:
        cuts: in the order of videos and of time.
        order: that of the reel: `time` keeps the order of `cuts`, `score` puts the best first.
        target_s: most seconds of the reel: the best cuts that fit are kept. None for all.
        fade_s: seconds of a cross-fade. It is shortened so that no part is faded over more than half of its length.
        size: width and height (default: the largest width and the largest height of the videos).
        rate: frames per second (default: that of most videos with a constant frame rate).

    Raises:
        UserError: there are no cuts with pictures, or none fits.
    """
    seen = [cut for cut in cuts if cut.footage.frames]
    if not seen:
        raise UserError(
            "no moments of videos with pictures are selected: lower --threshold or --min-length, or select other"
            " queries"
        )
    rate = rate or _usual_rate(seen)
    wanted = math.floor(fade_s * rate + Fraction(1, 2))
    parts = [_make_part(cut, rate) for cut in seen]
    ranked = sorted(range(len(parts)), key=lambda place: -(parts[place].cut.score or 0.0))
    if target_s is not None:
        kept: list[int] = []
        total, shortest = 0, wanted * 2
        for place in ranked:
            frames = parts[place].frames
            # A shorter part shortens all fades.
            faded = total + frames - min(wanted, min(shortest, frames) // 2) * len(kept)
            if faded <= target_s * rate:
                kept.append(place)
                total, shortest = total + frames, min(shortest, frames)
        if not kept:
            raise UserError(f"no moment fits into {target_s:g} s: the shortest has {_shortest(parts, rate):g} s")
        ranked = kept
    chosen = [parts[place] for place in (ranked if order == "score" else sorted(ranked))]
    fade = min(wanted, *(part.frames // 2 for part in chosen)) if len(chosen) > 1 else 0
    sources = [part.cut.footage for part in chosen]
    sizes = [one.shown_size() for one in sources]
    width, height = size or (max(width for width, _ in sizes), max(height for _, height in sizes))
    return Plan(
        parts=tuple(chosen),
        rate=rate,
        size=(width + width % 2, height + height % 2),  # 4:2:0 colour needs even numbers
        fade=fade,
        sound=any(one.channels for one in sources),
    )


def _make_part(cut: Cut, rate: Fraction) -> Part:
    """Move both ends to frames of the video if it has the reel's rate; else keep the start, and count frames."""
    if cut.footage.exact_rate() == rate:
        first, stop = cut.frames()
        return Part(cut, cut.footage.lead_s + float(first / rate), stop - first)
    return Part(cut, cut.start, max(1, math.floor(Fraction(cut.end - cut.start) * rate + Fraction(1, 2))))


def _usual_rate(cuts: Sequence[Cut]) -> Fraction:
    files = {cut.footage.vid: cut.footage for cut in cuts}.values()
    rates = Counter(constant_rate(footage) for footage in files if footage.rate)
    return rates.most_common(1)[0][0] if rates else USUAL_RATE


def _shortest(parts: Sequence[Part], rate: Fraction) -> float:
    return round(float(min(part.frames for part in parts) / rate), 3)
