"""Cuts: moments of videos as editing programs see them, in seconds and in frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cli import UserError
from eval.exchange.timecode import can_drop, read_timecode, timebase
from formats.media.footage import Footage

HINT = (
    "re-encode it at a constant rate (ffmpeg -i IN -fps_mode cfr -r 30 OUT), or choose a format in seconds: csv, llc,"
    " vtt, srt, youtube, ffmetadata, via"
)


@dataclass(frozen=True)
class Cut:
    """A moment of a video.

    Attributes:
        footage: the video's media file.
        start: seconds from second 0.
        end: seconds; later than `start`.
        label: the query.
        score: higher is better; None for a labelled moment.
    """

    footage: Footage
    start: float
    end: float
    label: str
    score: float | None

    def frames(self) -> tuple[int, int]:
        """The first frame, and the one after the last: those nearest to start and end, at least one frame.

        Raises:
            UserError: the frame rate is variable.
        """
        rate = constant_rate(self.footage)
        first, stop = (_nearest((Fraction(at) - Fraction(self.footage.lead_s)) * rate) for at in (self.start, self.end))
        first = min(max(first, 0), self.footage.frames - 1)
        return first, min(max(stop, first + 1), self.footage.frames)


@dataclass(frozen=True)
class Timeline:
    """The content of one exported file.

    Attributes:
        title: its name, on one line.
        cuts: in the order of the file; at least one.
        drop: whether time code is drop-frame where the rate allows it; None to do as the media file does, and without
            time code in it to drop frames.
        folder: folder of the media files; None if only their names are known.
    """

    title: str
    cuts: tuple[Cut, ...]
    drop: bool | None = None
    folder: Path | None = None

    def sources(self) -> list[Footage]:
        """The media files, each once, in the order of their first cut."""
        return list({cut.footage.vid: cut.footage for cut in self.cuts}.values())

    def rate(self) -> Fraction:
        """Frames per second of all media files.

        Raises:
            UserError: it is variable, or not the same for all.
        """
        first, *others = self.sources()
        rate = constant_rate(first)
        for other in others:
            if constant_rate(other) != rate:
                raise UserError(
                    f"{self.title}: {first.file} has {show_rate(rate)} frames per second, {other.file}"
                    f" {show_rate(constant_rate(other))}: one timeline needs one rate, export them with --per video"
                )
        return rate

    def counted_rate(self) -> Fraction:
        """`rate`, for formats with time code.

        Raises:
            UserError: as `rate`, or time code cannot count it.
        """
        rate = self.rate()
        try:
            timebase(rate)
        except ValueError as problem:
            raise UserError(f"{self.sources()[0].file}: {problem}: choose otio, or a format in seconds") from None
        return rate

    def drops(self) -> bool:
        """Whether the time code of the timeline is drop-frame."""
        first = self.sources()[0]
        rate = constant_rate(first)
        if self.drop is not None or not first.timecode:
            return can_drop(rate) and self.drop is not False
        return _own_timecode(first, rate)[1]

    def drops_in(self, footage: Footage) -> bool:
        """Whether the time code of a media file is drop-frame: its own, or without one as in the timeline."""
        return _own_timecode(footage, constant_rate(footage))[1] if footage.timecode else self.drops()


def first_timecode(footage: Footage) -> int:
    """The frame that the time code of the file begins with; 0 if the file has none.

    Raises:
        UserError: the time code is not of the file's rate.
    """
    return _own_timecode(footage, constant_rate(footage))[0] if footage.timecode else 0


def _own_timecode(footage: Footage, rate: Fraction) -> tuple[int, bool]:
    try:
        return read_timecode(footage.timecode, rate)
    except ValueError as problem:
        raise UserError(f"{footage.file}: time code {problem}") from None


def constant_rate(footage: Footage) -> Fraction:
    """Frames per second.

    Raises:
        UserError: the frame rate is variable, or there are no pictures.
    """
    rate = footage.exact_rate()
    if rate is None or footage.frames < 1:
        raise UserError(f"{footage.file or footage.vid}: {footage.problem or 'no constant frame rate'}: {HINT}")
    return rate


def show_rate(rate: Fraction) -> str:
    """Format a rate: 25, 29.97, 23.976."""
    return f"{float(rate):.3f}".rstrip("0").rstrip(".")


def _nearest(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))
