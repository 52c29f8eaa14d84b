"""Queries about many videos: one bad file costs itself, a bad bundle ends the search."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from av_highlights import MomentFinder, UserError, find_in_all, rank_moments
from av_highlights.report import render_text, write_report
from av_highlights.videos import gather_videos

QUERIES = ["a siren is heard", "a dog runs"]


def test_names_that_are_not_utf8(finder: MomentFinder, videos: Path, tmp_path: Path) -> None:
    named = Path(shutil.copy(videos / "street.mp4", tmp_path / os.fsdecode(b"caf\xe9.mp4")))
    (tmp_path / os.fsdecode(b"torn\xe9.mp4")).write_bytes(b"torn")
    found = find_in_all(finder, tmp_path, QUERIES)
    assert [answer.video for answer in found.answers] == [named, named]
    write_report(tmp_path / "out", found, 3)
    assert "caf\\udce9.mp4" in (tmp_path / "out/moments.tsv").read_text(encoding="utf-8")
    assert "torn\\udce9.mp4" in (tmp_path / "out/problems.tsv").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out/answers.jsonl").read_text().splitlines()[0])["video"].endswith("caf\\udce9.mp4")


def test_markup_and_control_characters_in_names_and_queries(
    finder: MomentFinder, videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(videos / "street.mp4", tmp_path / "<b>\\[z](w)\n\x1b[31m.mp4")
    with caplog.at_level("INFO"):
        found = find_in_all(finder, tmp_path, ["a dog \\<script>"])
    ranking = write_report(tmp_path / "out", found, 1)
    page = (tmp_path / "out/moments.md").read_text(encoding="utf-8")
    assert "<" not in page and "## a dog &#92;&lt;script>" in page and "](w)" not in page.replace("&#91;z](w)", "")
    rows = (tmp_path / "out/moments.tsv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2 and "\\n\\x1b[31m.mp4" in rows[1]
    assert "\x1b" not in caplog.text + page + render_text(ranking, found)
    assert len(render_text(ranking, found).splitlines()) == 3


def test_a_fault_of_the_bundle_is_named_once(
    finder: MomentFinder, videos: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise UserError("weights/clip.pt: no such weights")

    monkeypatch.setattr(finder._features, "of_video", fail)
    with pytest.raises(UserError, match=r"^weights/clip\.pt"):
        find_in_all(finder, videos, QUERIES)
    assert not caplog.messages


def test_ranks_are_by_score_and_clips_stand_in_for_moments_alone(finder: MomentFinder, videos: Path) -> None:
    found = find_in_all(finder, [str(videos / "street.mp4"), videos / "silent.mp4"], QUERIES)
    ranking = rank_moments(found.answers, topk=3)
    assert list(ranking) == QUERIES
    for query, moments in ranking.items():
        everything = [moment.score for one in found.answers if one.query == query for moment in one.moments]
        assert [one.moment.score for one in moments] == sorted(everything, reverse=True)[:3]
        assert [one.rank for one in moments] == [1, 2, 3] and {one.what for one in moments} == {"moment"}
    clips = rank_moments(find_in_all(finder, videos).answers, topk=4)
    ((_, listed),) = clips.items()
    assert {one.what for one in listed} == {"clip"} and len(listed) == 4


def test_files_have_the_shortest_id_that_tells_them_apart(tmp_path: Path) -> None:
    for name in ("a/cat.mp4", "b/cat.mkv", "b/dog.mp4", "c/dog.mp4", "d/cow.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    found, causes = gather_videos([tmp_path / letter for letter in "abcd"])
    two = tmp_path / "b/dog.mp4", tmp_path / "c/dog.mp4"
    assert [video.id for video in found] == ["cat.mp4", "cat.mkv", *map(str, two), "cow"] and not causes
    (again,) = gather_videos([tmp_path / "d", tmp_path / "d/cow.mp4"])[0]
    assert again.file == tmp_path / "d/cow.mp4"
