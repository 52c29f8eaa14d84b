"""Shards: which videos, and which queries about them, one job encodes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from formats.annotations import sort_by_qid
from formats.rows import Row


def shard_of(vid: str, shards: int) -> int:
    """The shard of a video: a hash of its id alone, so that adding a video changes one shard."""
    return int.from_bytes(hashlib.blake2b(vid.encode(), digest_size=8).digest(), "big") % shards


def shard_name(index: int) -> str:
    """File stem of a shard: `000`."""
    return f"{index:03d}"


def videos_of(rows: Iterable[Row], shard: int, shards: int) -> list[str]:
    """Sorted ids of the videos in a shard."""
    return sorted({row["vid"] for row in rows if shard_of(row["vid"], shards) == shard})


def split_by_shard(rows: Iterable[Row], shards: int) -> list[list[Row]]:
    """The rows about the videos of each shard, in the given order: for all shards, where `queries_of` is for one."""
    place: dict[str, int] = {}
    found: list[list[Row]] = [[] for _ in range(shards)]
    for row in rows:
        vid = row["vid"]
        if vid not in place:
            place[vid] = shard_of(vid, shards)
        found[place[vid]].append(row)
    return found


def queries_of(rows: Iterable[Row], shard: int, shards: int) -> list[Row]:
    """The queries about the videos of a shard, sorted by qid."""
    return sort_by_qid(row for row in rows if shard_of(row["vid"], shards) == shard)
