"""The video table: read as written, made of annotations alone, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cli import UserError
from formats.grid import ClipGrid
from formats.video_table import Video, annotated_videos, read_table, write_table

# Such as need care: a leading dash, blanks, what shells and FFmpeg read as special.
AWKWARD = ["RoripwjYFp8_60.0_210.0", "-0dash_0.0_150.0", "_under", "[a]*?", "a b", "v:1", "v.1.2", "видео", "%03d"]


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


def test_the_grid_without_media_is_the_annotated_duration() -> None:
    rows = [
        {"qid": 1, "vid": "a", "duration": 150},
        {"qid": 2, "vid": "a", "duration": 150},
        {"qid": 3, "vid": "t", "duration": 3, "label": [[1] * 20] * 3},  # TVSum: clips, not seconds
        {"qid": 4, "vid": "u", "duration": 3, "label": [[1] * 20] * 3, "duration_s": 7.1},
    ]
    table = annotated_videos(rows, ["a", "t", "u"], ClipGrid())
    assert [(video.vid, video.duration_s, video.n_clips) for video in table] == [
        ("a", 150, 75),
        ("t", 6, 3),
        ("u", 7.1, 3),
    ]
    with pytest.raises(UserError, match=r"video 'a': annotated with two durations, 150 s and 148 s"):
        annotated_videos([*rows, {"qid": 5, "vid": "a", "duration": 148}], ["a"], ClipGrid())
    for duration in (None, "150", -1, True, 10**400):
        with pytest.raises(UserError, match="query 9: duration must be a number of seconds"):
            annotated_videos([{"qid": 9, "vid": "a", "duration": duration}], ["a"], ClipGrid())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"vid": "a"}', "row 2: "),
        ('{"vid": "a", "file": "a.mp4", "duration_s": "6", "n_clips": 3, "has_audio": true, "sha256": ""}', "row 2: "),
        ('{"vid": "a", "colour": 1}', "row 2: .*colour"),
        ("[]", "line 2: not an object"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "table.jsonl"
    write_table(path, [Video(vid="v", file="", duration_s=6.0, n_clips=3, has_audio=False, sha256="")])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match=rf"table\.jsonl: {message}"):
        read_table(path)


@pytest.mark.parametrize("file", ["../private.mp4", "sub/../../private.mp4", "/etc/passwd", "a\0.mp4"])
def test_a_file_outside_the_folder_of_videos_is_refused(tmp_path: Path, file: str) -> None:
    inside = Video(vid="a", file="sub/a..mp4", duration_s=4, n_clips=2, has_audio=False, sha256="")
    write_table(tmp_path / "table.jsonl", [inside, replace(inside, vid="b", file=file)])
    with pytest.raises(UserError, match=r"table\.jsonl: row 2: file .* is not inside the folder of videos"):
        read_table(tmp_path / "table.jsonl")
