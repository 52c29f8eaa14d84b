"""Video tables that do not fit the videos, although Snakemake notices nothing.

A video was replaced by another with an older modification time, or rows of a table are missing or of another shard.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from cli import UserError
from formats.rows import read_rows


class Shards(Protocol):
    """What a dataset says about its shards."""

    @property
    def videos(self) -> Mapping[str, list[str]]: ...
    def files_of(self, shard: str) -> list[Path]: ...


def outdate_unfit(dataset: str, folder: Path, data: Shards) -> list[str]:
    """Make a video table older than its videos if one of these had another size, or if it lists other videos.

    Snakemake then makes the table, and all that follows from it, again. The table's content stays.

    Args:
        folder: the folder of videos.
        data: the videos of each shard, also those without a file, and their files.

    Returns:
        one line for each video that was replaced, and for each table of other videos.
    """
    told = []
    for shard, vids in data.videos.items():
        table = Path(f"manifests/{dataset}/{shard}.jsonl")
        if not table.is_file():
            continue
        times = {file: file.stat() for file in data.files_of(shard) if file.exists()}
        # Newer ones Snakemake finds by itself.
        if not times or max(facts.st_mtime_ns for facts in times.values()) > _time_of(table):
            continue
        found = list(_find_unfit(table, folder, times, set(vids)))
        if found:
            told += found
            oldest = min(facts.st_mtime_ns for facts in times.values()) - 10**9
            with suppress(OSError):  # a read-only folder, in which nothing can be made again
                os.utime(table, ns=(oldest, oldest))
                _record_of(table).unlink(missing_ok=True)
    return told


def _record_of(table: Path) -> Path:
    """Snakemake's record of how a table was made.

    It would take a small video (1 MB) for unchanged that is as it was at the end of that job, whatever its date, but
    the table may be damaged, or the video may have changed during the job.
    """
    return Path(".snakemake/metadata", base64.urlsafe_b64encode(str(table).encode()).decode())


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
