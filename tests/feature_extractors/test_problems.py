"""The list of problems: videos that are broken, and those that the labels do not fit."""

from __future__ import annotations

import json
from pathlib import Path

from feature_extractors.problems import Problem, find_misfits
from formats.rows import Row
from formats.video_table import Video, write_table


def write(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def table(folder: Path, seconds: dict[str, float], clip_seconds: float = 2.0) -> Path:
    path = folder / "000.jsonl"
    write_table(
        path,
        [
            Video(
                vid=vid,
                file=f"{vid}.mp4",
                duration_s=length,
                n_clips=int(length / clip_seconds),
                has_audio=True,
                sha256="",
            )
            for vid, length in seconds.items()
        ],
    )
    return path


def test_videos_shorter_than_their_labels_are_listed_once_per_file(tmp_path: Path) -> None:
    tables = [table(tmp_path, {"long": 150.2, "short": 40.0, "rounded": 149.1, "broken": 0.0})]
    common = {"query": "x", "duration": 150, "relevant_windows": [[100, 150]]}
    vids = ["short", "long", "short", "rounded", "broken", "unknown"]
    rows = [{"qid": qid, "vid": vid, **common} for qid, vid in enumerate(vids)]
    rows.append({"qid": 9, "vid": "short", **common, "relevant_windows": "100-150"})  # training names it
    train = write(tmp_path / "train.jsonl", rows)
    val = write(tmp_path / "val.jsonl", [{**rows[0], "qid": 10, "relevant_windows": [[2, 60]]}])
    cause = "relevant_windows start at 100 s, but the video has 40 s (qid 0; and 1 more)"
    assert find_misfits([train, val], tables, ratings=False) == [
        Problem("short", "short.mp4", "labels", f"left out of {train}: {cause}"),
        Problem(
            "short", "short.mp4", "labels", f"left out of {val}: labels reach 60 s, but the video has 40 s (qid 10)"
        ),
    ]
    assert find_misfits([train], tables, ratings=True) == []  # these rows have no ratings


def test_labels_have_clips_of_two_seconds_whatever_the_grid(tmp_path: Path) -> None:
    """TVSum's rows rate clips of 2 s; a grid of 1 s has twice as many clips, but the video is as long."""
    tables = [table(tmp_path, {"a": 20.0, "b": 20.0}, clip_seconds=1.0)]
    rows = [
        {"qid": vid, "vid": vid, "query": "x", "duration": count, "label": [[1, 2]] * count}
        for vid, count in (("a", 10), ("b", 15))
    ]
    found = find_misfits([write(tmp_path / "r.jsonl", rows)], tables, ratings=True)
    assert [(item.vid, item.cause.split(": ")[1]) for item in found] == [
        ("b", "label rates 15 clips, but the video has 10 (qid b)")
    ]
