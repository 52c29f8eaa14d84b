"""Video tables that do not fit the videos, although Snakemake notices nothing.

A video was replaced by another with an older modification time, or rows of a table are missing or of another shard.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cli import UserError
from formats.rows import read_rows


def remove_unfit(
    dataset: str, folder: Path, shards: Mapping[str, Sequence[Path]], vids: Mapping[str, Collection[str]]
) -> list[str]:
    """Remove a video table if a video had another size when it was made, or if it lists other videos than its shard.

    Snakemake then makes the table, and all that follows from it, again. An older date would not do: Snakemake takes a
    small video for unchanged if it is as it was when the table was written, even if it changed after it was read.

    Args:
        folder: the folder of videos.
        shards: the media files of each shard.
        vids: the videos of each shard, also those without a file.

    Returns:
        one line for each video that was replaced, and for each table of other videos.
    """
    told = []
    for shard, files in shards.items():
        table = Path(f"manifests/{dataset}/{shard}.jsonl")
        times = {file: file.stat() for file in files if file.exists()}
        # Newer ones Snakemake finds by itself.
        if not times or not table.is_file() or max(facts.st_mtime_ns for facts in times.values()) > _time_of(table):
            continue
        found = list(_find_unfit(table, folder, times, set(vids[shard])))
        if found:
            told += found
            with suppress(OSError):  # a read-only folder, in which nothing can be made again
                table.unlink()
    return told


def _time_of(file: Path) -> int:
    return file.stat().st_mtime_ns


def _find_unfit(table: Path, folder: Path, files: dict[Path, os.stat_result], vids: set[str]) -> Iterator[str]:
    try:
        rows = read_rows(table)
    except (UserError, OSError):
        return  # whoever reads it next says what is wrong
    different = sorted(vids ^ {str(row.get("vid")) for row in rows})
    if different:
        which = "lacks the video" if different[0] in vids else "lists a video of another shard,"
        yield f"{table} {which} {different[0]!r}"
    for row in rows:
        file, size = folder / str(row.get("file", "")), row.get("size", 0)
        if file in files and size not in (0, files[file].st_size):
            sizes = f"{files[file].st_size:,} bytes, not {size:,}"
            yield f"{file} is another file than when {table} was made from it ({sizes})"
