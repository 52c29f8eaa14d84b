"""Probe a media file and decide its clip grid."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.stream import Stream

from cli import UserError
from feature_extractors.fingerprints import digest_of, state_of
from feature_extractors.media.container import NO_PICTURES, Problems, find_pictures, open_media, pick_sound
from feature_extractors.media.faults import raise_if_of_machine, stop_if_systematic, unforeseen
from feature_extractors.media.in_flight import ENDED, InFlight
from feature_extractors.media.sound import read_span
from feature_extractors.media.timeline import LEAD_IN_S, read_timeline
from formats.grid import ClipGrid
from formats.video_table import Video

DECLARING = {"mp4", "matroska", "avi", "flv", "asf", "flac"}
CUT_OFF = "cut off"
_log = logging.getLogger(__name__)
LONGEST_S = 24 * 3600.0
"""Longer declared durations are ignored."""


def examine_all(
    folder: Path,
    vids: Iterable[str],
    files: Mapping[str, Path],
    causes: Mapping[str, str],
    clips: ClipGrid,
    flight: InFlight,
) -> list[Video]:
    """Make the video table of some ids, from each id's file or the cause why it has none (`locate_videos`).

    A file that ended an earlier process, as recorded by `flight`, is not opened again.

    Raises:
        OSError: a fault of the machine.
        UserError: most of the files failed with an unexpected error, or one changed meanwhile.
    """
    table, states = [], {file: state_of(file) for file in files.values()}
    names = {file: _name(file) for file in files.values()}
    for vid in vids:
        file, look = files.get(vid), partial(examine, folder, vid, files.get(vid), causes.get(vid, ""), clips)
        if file is None:
            table.append(look())
        elif (name := names[file]) in flight.ended:
            table.append(_without_clips(folder, vid, file, ENDED))
        else:
            table.append(flight.run(name, look))
    changed = [file for file, state in states.items() if state_of(file) != state]
    if changed:
        others = f" ({len(changed)} did)" if len(changed) > 1 else ""
        raise UserError(f"{changed[0]}: changed while the videos were read{others}: run again when all are copied")
    stop_if_systematic({video.vid: video.problem for video in table}, len(files))
    return table


def _name(file: Path) -> str:
    """Identify a file in its present state: if it is replaced, its name here changes."""
    facts = file.stat() if file.exists() else None
    return f"{file.name} {facts.st_size} {facts.st_mtime_ns}" if facts else file.name


def examine(folder: Path, vid: str, file: Path | None, cause: str, clips: ClipGrid) -> Video:
    """Probe a video. One that is missing (`cause` says why) or not a video gets a row without clips and its cause.

    Raises:
        OSError: a fault of the machine, which says nothing about the video.
    """
    if file is not None:
        try:
            return replace(probe(folder, file, clips), vid=vid)  # the name may be in another Unicode normal form
        except Exception as problem:
            raise_if_of_machine(problem, file)
            foreseen = isinstance(problem, UserError | OSError)
            cause = " ".join(str(problem).removeprefix(f"{file}: ").split()) if foreseen else unforeseen(problem)
    return _without_clips(folder, vid, file, cause)


def _without_clips(folder: Path, vid: str, file: Path | None, cause: str) -> Video:
    return Video(
        vid=vid,
        file=str(file.relative_to(folder)) if file else "",
        duration_s=0.0,
        n_clips=0,
        has_audio=False,
        sha256=digest_of(file) if file and file.is_file() else "",
        size=file.stat().st_size if file and file.is_file() else 0,
        problem=cause,
    )


def probe(folder: Path, file: Path, clips: ClipGrid) -> Video:
    """Decide the clip grid of a video from its packets (nothing is decoded).

    Raises:
        UserError: not a media file, or one without pictures and sound.
    """
    length = measure(file, clips)
    return Video(
        vid=file.stem,
        file=str(file.relative_to(folder)),
        duration_s=length.seconds,
        n_clips=clips.count(length.seconds),
        has_audio=length.has_sound,
        sha256=digest_of(file),
        size=file.stat().st_size,
        start_s=length.start_s,
        problem=length.problem,
    )


@dataclass(frozen=True)
class Length:
    """The length of a video, used both for its clip grid and for rows about it.

    Attributes:
        seconds: from second 0 of the grid.
        start_s: second 0 of the grid on the file's own clock.
        has_sound: whether there is an audio stream.
        problem: what is wrong with the file.
    """

    seconds: float
    start_s: float
    has_sound: bool
    problem: str


def measure(file: Path, clips: ClipGrid) -> Length:
    """Measure the length of a video from its packets; without pictures, of its sound.

    If a file ends a clip or more before the duration that its header declares, its length is the declared duration, and
    the missing clips are masked.

    Raises:
        UserError: not a media file, or one without pictures and sound.
    """
    problems = Problems()
    fragmented = is_fragmented(file)
    with open_media(file) as container:
        pictures, sound = find_pictures(file, container), pick_sound(container)
        if pictures is not None:
            timeline = read_timeline(file, container, problems, [sound] if sound else [])
            if timeline.note:
                _log.info("%s: %s", file, timeline.note)
            first, start, duration = timeline.first_s, timeline.start_s, timeline.end
            there = max(timeline.end, timeline.others_end)
            declared = _declared(container, pictures, first, fragmented)
        elif sound is not None:
            first, end = read_span(file, container, sound, problems)
            start = 0.0 if abs(first) < LEAD_IN_S else first
            there = duration = end - first
            declared = _declared(container, sound, first, fragmented)
        else:
            raise UserError(f"{file}: {NO_PICTURES}")
        if there + clips.seconds <= declared <= LONGEST_S:
            problems.add(f"{CUT_OFF}: ends at {there:.1f} s of {declared:.1f} s")
            duration = declared
    if duration <= 0:
        raise UserError(f"{file}: no video frames")
    return Length(round(duration + (first - start), 6), start, sound is not None, str(problems))


def _declared(container: InputContainer, stream: Stream, first_s: float, fragmented: bool) -> float:
    """The length that the header declares for a stream, else for the whole file, in seconds from its beginning.

    0 for formats whose header declares none: FFmpeg's value is then a guess from the bit rate.

    Args:
        first_s: the stream's beginning on the file's own clock.
    """
    if not DECLARING & set(container.format.name.split(",")):
        return 0.0
    lengths = []
    if stream.duration and stream.time_base:
        lengths.append(float(stream.duration * stream.time_base))
    if container.duration:
        lengths.append(container.duration / av.time_base)
    if fragmented:
        # Live recordings, DASH segments: FFmpeg 8.1 usually returns the end on the file's clock as the length.
        lengths = [length - first_s if length > first_s else length for length in lengths]
    elif container.duration:
        lengths[-1] += (container.start_time or 0) / av.time_base - first_s
    tag = re.fullmatch(r"(\d+):(\d+):(\d+\.\d+)", stream.metadata.get("DURATION", ""))
    if tag:
        lengths.append(int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3]) - first_s)
    return float(min(lengths, default=0.0))  # an editing program may leave one of them unchanged


def is_fragmented(file: Path) -> bool:
    """Whether a file is fragmented MP4: its box `moov` has a box `mvex` (ISO/IEC 14496-12, 8.8.1).

    False for a file that cannot be read: decoding it reports the cause.
    """
    try:
        with file.open("rb") as content:
            outer = _boxes(content, 0, file.stat().st_size)
            movie = next(((begin, end) for kind, begin, end in outer if kind == b"moov"), None)
            return movie is not None and any(kind == b"mvex" for kind, _, _ in _boxes(content, *movie))
    except OSError:
        return False


def _boxes(content: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the boxes in a part of an MP4 file: kind, begin and end of the content."""
    while at + 8 <= end:
        content.seek(at)
        head = content.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        begin = at + 8
        if length == 1:
            length, begin = int.from_bytes(head[8:16], "big"), at + 16
        elif not length:
            length = end - at
        if at + length < begin:
            return
        yield kind, begin, min(at + length, end)
        at += length
