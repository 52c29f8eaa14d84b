"""What is to be encoded: annotation rows (queries), the shard of every video, and the clip grid of every video.

Annotations are JSONL in the QVHighlights schema: one query a line with `qid`, `query`, `vid`, `duration` and, where
labelled, `relevant_windows`, `relevant_clip_ids`, `saliency_scores`; further keys are kept. A video table has one
line a video and fixes its number of clips for all streams.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cli import Settings, UserError
from cli.files import Row, read_rows, write_rows
from feature_extractors import CODE_VERSION


@dataclass(frozen=True, kw_only=True)
class ClipConfig(Settings):
    """The clip grid shared by all streams."""

    seconds: float = 2.0
    """Length of a clip in seconds: clip i covers [i * seconds, (i + 1) * seconds)."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise UserError(f"clips.seconds: must be more than 0, got {self.seconds}")

    def count(self, duration: float) -> int:
        """Number of whole clips in `duration` seconds, at least one.

        A twentieth of a clip may be missing at the end: containers round the length of the last frame.
        """
        return max(1, math.floor(duration / self.seconds + 0.05))


@dataclass(frozen=True, kw_only=True)
class ManifestStage(Settings):
    """The configuration sections that `manifest` consumes."""

    clips: ClipConfig
    version: int = CODE_VERSION["manifest"]


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
    """Of the whole media file: what the features were made from."""
    start_s: float = 0.0
    """When the first frame is shown on the file's own clock: second 0 of the clip grid."""
    problem: str = ""
    """What is wrong with the file; one that is missing or no video has no clips."""


def read_annotations(paths: Iterable[Path]) -> list[Row]:
    """Read annotation files and check what every stage relies on: unique `qid`, text `query`, text `vid`.

    A qid is a whole number, as in QVHighlights, or text, as in TVSum.
    """
    rows: list[Row] = []
    seen: set[str] = set()
    for path in paths:
        for number, row in enumerate(read_rows(path), start=1):
            for key, kind in (("qid", int | str), ("query", str), ("vid", str)):
                if not isinstance(row.get(key), kind) or isinstance(row[key], bool):
                    wanted = getattr(kind, "__name__", "int or str")
                    raise UserError(f"{path}: row {number}: {key!r} must be {wanted}, got {row.get(key)!r}")
            # Stores know queries by the text of their qid.
            if str(row["qid"]) in seen:
                raise UserError(f"{path}: row {number}: qid {row['qid']} occurs twice")
            seen.add(str(row["qid"]))
            rows.append(row)
    return rows


def shard_of(vid: str, shards: int) -> int:
    """The shard of a video: a hash of its id alone, so that adding a video changes one shard."""
    return int.from_bytes(hashlib.blake2b(vid.encode(), digest_size=8).digest(), "big") % shards


def shard_name(index: int) -> str:
    """File stem of a shard: `000`."""
    return f"{index:03d}"


def videos_of(rows: Iterable[Row], shard: int, shards: int) -> list[str]:
    """Sorted ids of the videos in a shard."""
    return sorted({row["vid"] for row in rows if shard_of(row["vid"], shards) == shard})


def queries_of(rows: Iterable[Row], shard: int, shards: int) -> list[Row]:
    """The queries about the videos of a shard, by qid."""
    mine = [row for row in rows if shard_of(row["vid"], shards) == shard]
    return sorted(mine, key=lambda row: (isinstance(row["qid"], str), row["qid"]))


NO_VIDEO = re.compile(
    r"\.(srt|vtt|ass|ssa|sub|sbv|lrc|ttml|json|jsonl|xml|ya?ml|txt|md|nfo|description|csv|tsv|url|html|pdf|log|zip"
    r"|jpe?g|png|webp|bmp|npy|npz|h5|pt|wav|mp3|m4a|aac|flac|ogg|opus|md5|sha256|part|ytdl|aria2|tmp)",
    re.IGNORECASE,
)
"""Endings of what lies beside videos under their names: subtitles, descriptions, pictures, extracted sound."""


def locate_videos(folder: Path, vids: Iterable[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """The media file of every video (its id plus an ending not of `NO_VIDEO`), and why others have none, by id."""
    # Listed once, as a folder may hold ten thousand files. Not glob: ids may hold characters that are special to it.
    found: dict[str, list[Path]] = {vid: [] for vid in vids}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.stem in found and not NO_VIDEO.fullmatch(path.suffix) and path.is_file():
            found[path.stem].append(path)
    causes = {vid: f"no video {vid!r}" for vid, files in found.items() if not files}
    for vid, files in found.items():
        if len(files) > 1:
            causes[vid] = f"several files for video {vid!r}: {', '.join(file.name for file in files)}"
    return {vid: files[0] for vid, files in found.items() if len(files) == 1}, causes


def annotated_videos(rows: Iterable[Row], vids: Iterable[str], clips: ClipConfig) -> list[Video]:
    """A video table without media: the grid follows the annotated duration, and nothing is known of the sound.

    Raises:
        UserError: a video without a duration, or with two.
    """
    durations: dict[str, float] = {}
    for row in rows:
        seconds = annotated_seconds(row, clips)
        if durations.setdefault(row["vid"], seconds) != seconds:
            raise UserError(f"video {row['vid']!r}: annotated with {durations[row['vid']]:g} and with {seconds:g} s")
    return [
        Video(vid=vid, file="", duration_s=seconds, n_clips=clips.count(seconds), has_audio=False, sha256="")
        for vid, seconds in ((vid, durations[vid]) for vid in vids)
    ]


def annotated_seconds(row: Row, clips: ClipConfig) -> float:
    """The duration that an annotation row gives, in seconds.

    `duration_s` if there is one, else `duration`; in TVSum's files that is the number of labelled clips.

    Raises:
        UserError: the row has none.
    """
    value = row.get("duration_s", row.get("duration"))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise UserError(f"query {row.get('qid')}: duration must be a number of seconds above 0, got {value!r}")
    labels = row.get("label")
    if "duration_s" not in row and isinstance(labels, list) and len(labels) == value:
        return value * clips.seconds
    return float(value)


def write_table(path: Path, videos: Iterable[Video]) -> None:
    """Write a video table, one JSON object a line."""
    write_rows(path, (asdict(video) for video in videos))


def read_table(path: Path) -> list[Video]:
    """Read a video table."""
    return [Video.from_dict(row, where=f"{path}: row {i}") for i, row in enumerate(read_rows(path), start=1)]
