"""Which files of a folder are the videos of some ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

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
