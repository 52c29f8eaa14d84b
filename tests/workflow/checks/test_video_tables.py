"""A video table that does not fit its videos is dated before them, and Snakemake's record of it goes."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from workflow.checks.video_tables import outdate_unfit
from workflow.dataset import Dataset

NOW = 1_700_000_000
TABLE = Path("manifests/own/000.jsonl")


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two videos of 3 bytes, their newer table, and Snakemake's record of it."""
    monkeypatch.chdir(tmp_path)
    Path("videos").mkdir()
    TABLE.parent.mkdir(parents=True)
    for vid in ("a", "b"):
        Path(f"videos/{vid}.mp4").write_bytes(b"abc")
        os.utime(f"videos/{vid}.mp4", (NOW, NOW))
    write_table("a", "b")
    found = Path(".snakemake/metadata") / base64.urlsafe_b64encode(str(TABLE).encode()).decode()
    found.parent.mkdir(parents=True)
    found.touch()
    return found


def write_table(*vids: str) -> None:
    TABLE.write_text("".join(json.dumps({"vid": vid, "file": f"{vid}.mp4", "size": 3}) + "\n" for vid in vids))


def look() -> list[str]:
    files = {vid: Path(f"videos/{vid}.mp4") for vid in ("a", "b")}
    data = Dataset(queries=[], files=files, asked={"000": [{"vid": vid} for vid in files]})
    return outdate_unfit("own", Path("videos"), data)


def test_a_table_that_fits_stays_as_it_is(record: Path) -> None:
    before = TABLE.stat().st_mtime_ns
    assert look() == [] and TABLE.stat().st_mtime_ns == before and record.exists()


@pytest.mark.parametrize(
    ("vids", "message"),
    [
        (["a"], "manifests/own/000.jsonl lacks the video 'b'"),
        (["a", "b", "c"], "manifests/own/000.jsonl lists a video of another shard, 'c'"),
    ],
)
def test_one_of_other_videos_is_outdated(record: Path, vids: list[str], message: str) -> None:
    write_table(*vids)
    assert look() == [message]
    assert TABLE.stat().st_mtime < NOW and not record.exists()


def test_one_of_a_replaced_video_is_outdated(record: Path) -> None:
    Path("videos/b.mp4").write_bytes(b"abcd")
    os.utime("videos/b.mp4", (NOW - 10, NOW - 10))
    [line] = look()
    assert line.startswith("videos/b.mp4 is another file than when manifests/own/000.jsonl was made")
    assert TABLE.stat().st_mtime < NOW - 10 and not record.exists()
    assert look() == []  # Snakemake sees the rest
