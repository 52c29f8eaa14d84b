"""Shards, the clip grid, and finding the media file of an id."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from feature_extractors.shards import queries_of, shard_of, split_by_shard, videos_of
from feature_extractors.video_files import locate_videos
from formats.annotations import sort_by_qid
from tests.feature_extractors.made_media import Coding, steady, write_media

# Ids as in QVHighlights, and such that need care: a leading dash, blanks, what shells and FFmpeg read as special.
AWKWARD = ["RoripwjYFp8_60.0_210.0", "-0dash_0.0_150.0", "_under", "[a]*?", "a b", "v:1", "v.1.2", "видео", "%03d"]


def rows_of(vids: list[str]) -> list[dict[str, object]]:
    return [{"qid": qid, "query": f"query {qid}", "vid": vid} for qid, vid in enumerate(vids)]


def test_the_shard_of_an_id_never_changes() -> None:
    # From another implementation of BLAKE2b, `b2sum -l 64`, read as a big-endian number modulo 16. A change here would
    # make every user's features be computed anew.
    assert [shard_of(vid, 16) for vid in AWKWARD] == [3, 14, 4, 1, 8, 0, 4, 14, 10]
    assert all(shard_of(vid, 1) == 0 for vid in AWKWARD)


def test_another_video_changes_one_shard() -> None:
    vids = [f"video{number}" for number in range(200)]
    before = [videos_of(rows_of(vids), shard, 8) for shard in range(8)]
    after = [videos_of(rows_of([*vids, "-new"]), shard, 8) for shard in range(8)]
    changed = [shard for shard in range(8) if before[shard] != after[shard]]
    assert changed == [shard_of("-new", 8)]
    assert sorted(vid for shard in before for vid in shard) == sorted(vids)  # each in exactly one
    sizes = np.array([len(shard) for shard in before])
    assert (abs(sizes - 25) < 20).all()  # 200 ids in 8 shards: 25 with a standard deviation of 4.7


def test_queries_follow_their_videos() -> None:
    rows = rows_of(["a", "b", "a", "c", "b", "a"])[::-1]
    for shard in range(3):
        queries = queries_of(rows, shard, 3)
        assert {row["vid"] for row in queries} == set(videos_of(rows, shard, 3))
        assert [row["qid"] for row in queries] == sorted(row["qid"] for row in queries)
    assert sum(len(queries_of(rows, shard, 3)) for shard in range(3)) == 6


def test_all_shards_at_once_are_those_that_the_jobs_make_one_by_one() -> None:
    rows = [{"qid": qid, "query": f"query {qid}", "vid": f"v{qid % 7}"} for qid in range(30, 0, -1)]
    found = split_by_shard(rows, 5)
    assert [sort_by_qid(part) for part in found] == [queries_of(rows, shard, 5) for shard in range(5)]
    assert [row["qid"] for row in found[shard_of("v3", 5)] if row["vid"] == "v3"] == [24, 17, 10, 3]  # as given


def test_videos_are_found_by_id_whatever_it_holds(tmp_path: Path) -> None:
    for vid in AWKWARD:
        (tmp_path / f"{vid}.mp4").touch()
    (tmp_path / "a").mkdir()  # would be in the way of a pattern such as `[a]*?`
    (tmp_path / "_under").mkdir()  # frames of a video beside it, for instance
    assert locate_videos(tmp_path, AWKWARD) == ({vid: tmp_path / f"{vid}.mp4" for vid in AWKWARD}, {})


def test_a_missing_and_an_ambiguous_video_are_named(tmp_path: Path) -> None:
    for name in ("one.mp4", "one.more.mp4"):
        (tmp_path / name).touch()
    for name in ("two.mp4", "two.webm"):
        write_media(tmp_path / name, steady(0.2), coding=Coding(codec="libvpx-vp9", options={}))
    found, causes = locate_videos(tmp_path, ["one", "on", "two"])
    assert found == {"one": tmp_path / "one.mp4"}
    assert causes == {"on": "no video 'on'", "two": "several files for video 'two': two.mp4, two.webm"}
    (tmp_path / "inner").mkdir()
    assert locate_videos(tmp_path / "inner", ["../one"])[0] == {}  # an id cannot lead out of the folder
