"""The video table: one JSON line per video, which fixes its number of clips for all streams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from cli import Settings, UserError
from formats.annotations import annotated_seconds
from formats.grid import ClipGrid
from formats.rows import Row, read_rows, shorten, write_rows


@dataclass(frozen=True, kw_only=True)
class Video(Settings):
    """One line of a video table."""

    vid: str
    file: str
    """Name relative to the folder of videos."""
    duration_s: float
    n_clips: int
    has_audio: bool
    sha256: str
    """Digest of the media file that the features were made from."""
    start_s: float = 0.0
    """Second 0 of the clip grid on the file's own clock: mostly when the first frame is shown."""
    size: int = 0
    """Bytes of that file; 0 if it is not known, as in tables of earlier versions."""
    problem: str = ""
    """What is wrong with the file, or empty. A file that is missing or not a video has no clips."""


def annotated_videos(rows: Iterable[Row], vids: Iterable[str], clips: ClipGrid) -> list[Video]:
    """Make a video table without media: the grid follows the annotated durations, and the sound is unknown.

    Raises:
        UserError: a video without a duration, or with two different ones.
    """
    durations: dict[str, float] = {}
    for row in rows:
        seconds = annotated_seconds(row, clips)
        if durations.setdefault(row["vid"], seconds) != seconds:
            raise UserError(
                f"video {row['vid']!r}: annotated with two durations, {durations[row['vid']]:g} s and {seconds:g} s"
            )
    return [
        Video(vid=vid, file="", duration_s=seconds, n_clips=clips.count(seconds), has_audio=False, sha256="")
        for vid, seconds in ((vid, durations[vid]) for vid in vids)
    ]


def write_table(path: Path, videos: Iterable[Video]) -> None:
    """Write a video table, one JSON object per line."""
    write_rows(path, (asdict(video) for video in videos))


def read_table(path: Path) -> list[Video]:
    """Read a video table.

    Raises:
        UserError: a row is malformed, or names a file outside the folder of videos.
    """
    videos = [Video.from_dict(row, where=f"{path}: row {i}") for i, row in enumerate(read_rows(path), start=1)]
    for number, video in enumerate(videos, start=1):
        parts = PurePath(video.file).parts
        if ".." in parts or PurePath(video.file).is_absolute() or "\0" in video.file:
            raise UserError(f"{path}: row {number}: file {shorten(video.file)} is not inside the folder of videos")
    return videos
