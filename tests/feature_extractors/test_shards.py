"""Shards, the clip grid, and finding the media file of an id."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cli import UserError
from feature_extractors.media.files import locate_videos
from feature_extractors.shards import queries_of, shard_of, videos_of
from formats.annotations import read_annotations
from formats.grid import ClipGrid
from formats.rows import read_rows
from formats.video_table import Video, read_table, write_table
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


@pytest.mark.parametrize(
    ("duration", "seconds", "clips"),
    [
        (150.0, 2.0, 75),  # QVHighlights
        (149.9, 2.0, 75),  # a twentieth of a clip, 0.1 s, may be missing
        (149.89, 2.0, 74),
        (151.8, 2.0, 75),  # the last clip must be there
        (151.9, 2.0, 76),
        (3.96, 2.0, 2),  # MPEG-TS does not count the last frame's length
        (0.04, 2.0, 1),  # one frame is one clip
        (30.0, 0.5, 60),
    ],
)
def test_clip_count(duration: float, seconds: float, clips: int) -> None:
    assert ClipGrid(seconds=seconds).count(duration) == clips


@pytest.mark.parametrize("seconds", ["0", "-2", "NaN", "Infinity"])
def test_a_clip_must_last(seconds: str) -> None:
    with pytest.raises(UserError, match=r"clips\.seconds"):
        ClipGrid.from_json(f'{{"seconds": {seconds}}}')


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


def test_table_is_read_as_written(tmp_path: Path) -> None:
    videos = [
        Video(vid=vid, file=f"{vid}.mp4", duration_s=150.04, n_clips=75, has_audio=number % 2 == 0, sha256="0" * 64)
        for number, vid in enumerate(AWKWARD)
    ]
    write_table(tmp_path / "table.jsonl", videos)
    assert read_table(tmp_path / "table.jsonl") == videos
    first = (tmp_path / "table.jsonl").read_bytes()
    write_table(tmp_path / "table.jsonl", videos)
    assert (tmp_path / "table.jsonl").read_bytes() == first


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"qid": 0}\n\n{"qid": ', "line 3: not JSON"),  # lines count as an editor counts them
        (b"[1]\n", "line 1: not an object"),
        (b'{"query": "caf\xe9"}\n', "not UTF-8 text"),  # Latin-1
        (b"\x00\x01\xff\xd8 an image by mistake", "not UTF-8 text"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "rows.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=rf"rows\.jsonl: {message}"):
        read_rows(tmp_path / "rows.jsonl")


def test_rows_are_unicode(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"query": "кот на крыше"}\n', encoding="utf-8")
    assert read_rows(tmp_path / "rows.jsonl") == [{"query": "кот на крыше"}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qid": 7.5}, "row 2: 'qid' must be int or str, got 7.5"),
        ({"qid": 0}, "row 2: qid 0 occurs twice"),
        ({"query": None}, "row 2: 'query' must be str, got None"),
        ({"vid": 3}, "row 2: 'vid' must be str, got 3"),
    ],
)
def test_annotations_are_checked(tmp_path: Path, change: dict[str, object], message: str) -> None:
    rows = rows_of(["a", "b"])
    rows[1] |= change
    (tmp_path / "val.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(UserError, match=message):
        read_annotations([tmp_path / "val.jsonl"])


def test_a_qid_is_unique_over_all_splits(tmp_path: Path) -> None:
    for name in ("train", "val"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"qid": 5, "query": "q", "vid": name}) + "\n")
    with pytest.raises(UserError, match=r"val\.jsonl: row 1: qid 5 occurs twice"):
        read_annotations([tmp_path / "train.jsonl", tmp_path / "val.jsonl"])
