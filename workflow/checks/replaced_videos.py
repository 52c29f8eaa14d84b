"""Videos that were replaced by others with an older modification time, which Snakemake does not notice."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cli import UserError
from formats.rows import read_rows


def mark_replaced(dataset: str, folder: Path, shards: Mapping[str, Sequence[Path]]) -> list[str]:
    """Make video tables older than their videos if one of these has another size than when its table was made.

    Snakemake then makes the table, and all that follows from it, again. Only the table's modification time changes.

    Args:
        folder: the folder of videos.
        shards: the media files of each shard.

    Returns:
        one line for each such video.
    """
    told = []
    for shard, files in shards.items():
        table = Path(f"manifests/{dataset}/{shard}.jsonl")
        if not table.is_file():
            continue
        times = {file: file.stat() for file in files if file.exists()}
        # Newer ones Snakemake finds by itself.
        if not times or max(facts.st_mtime_ns for facts in times.values()) > _time_of(table):
            continue
        found = list(_find_replaced(table, folder, times))
        if found:
            told += found
            oldest = min(facts.st_mtime_ns for facts in times.values()) - 10**9
            with suppress(OSError):  # a read-only folder, in which nothing can be made again
                os.utime(table, ns=(oldest, oldest))
    return told


def _time_of(file: Path) -> int:
    return file.stat().st_mtime_ns


def _find_replaced(table: Path, folder: Path, files: dict[Path, os.stat_result]) -> Iterator[str]:
    try:
        rows = read_rows(table)
    except (UserError, OSError):
        return  # whoever reads it next says what is wrong
    for row in rows:
        file, size = folder / str(row.get("file", "")), row.get("size", 0)
        if file in files and size not in (0, files[file].st_size):
            sizes = f"{files[file].st_size:,} bytes, not {size:,}"
            yield f"{file} is another file than when {table} was made from it ({sizes})"
