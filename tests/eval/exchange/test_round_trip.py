"""Labels that are exported, corrected elsewhere and converted back are the same labels; all by the commands."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from feature_extractors.__main__ import main
from tests.eval.running import run
from tests.feature_extractors.made_media import Coding, steady, write_media

LABELS = [
    {"qid": 1, "vid": "a", "query": "a dog barks", "relevant_windows": [[1, 3], [5, 9]]},
    {"qid": 2, "vid": "a", "query": 'says "hi", then <b>', "relevant_windows": [[0, 2]]},
    {"qid": 3, "vid": "é b", "query": "a dog barks", "relevant_windows": [[4, 10]]},
]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 10 s, at 24 and 25 frames per second, with the labels."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "videos").mkdir()
    for vid, rate in (("a", 24), ("é b", 25)):
        coding = Coding(rate=Fraction(rate), clock=Fraction(1, rate), options={"bf": "0", "preset": "ultrafast"})
        write_media(folder / f"videos/{vid}.mp4", steady(10, rate), coding=coding)
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LABELS), encoding="utf-8")
    return folder


def extract(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run a verb of `python -m feature_extractors`."""
    monkeypatch.setattr(sys, "argv", ["feature_extractors", *map(str, arguments)])
    return main()


@pytest.mark.parametrize(("form", "source"), [("csv", "csv"), ("via", "via"), ("label-studio", "label-studio")])
def test_labels_come_back_as_they_went(
    form: str, source: str, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    videos, queries = media / "videos", media / "q.jsonl"
    table = ["--videos", videos, "--annotations", queries, "--out", tmp_path / "f.jsonl"]
    assert extract(monkeypatch, "footage", *table) == 0
    given = ["--queries", queries, "--footage", tmp_path / "f.jsonl", "--out", tmp_path / "out"]
    assert run("export", "--format", form, *given) == 0
    files = sorted((tmp_path / "out").iterdir())
    back = ["--from", source, "--files", *files, "--videos", videos, "--out", tmp_path]
    assert extract(monkeypatch, "convert", *back) == 0
    rows = [json.loads(line) for line in (tmp_path / "moments.jsonl").read_text(encoding="utf-8").splitlines()]
    found = {(row["vid"], row["query"]): row["relevant_windows"] for row in rows}
    assert found == {(row["vid"], row["query"]): row["relevant_windows"] for row in LABELS}


def test_a_folder_without_annotations_is_described_whole(
    media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert extract(monkeypatch, "footage", "--videos", media / "videos", "--out", tmp_path / "f.jsonl") == 0
    rows = [json.loads(line) for line in (tmp_path / "f.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["vid"], row["rate"], row["seconds"]) for row in rows] == [("a", "24/1", 10.0), ("é b", "25/1", 10.0)]
    (tmp_path / "empty").mkdir()
    capsys.readouterr()
    assert extract(monkeypatch, "footage", "--videos", tmp_path / "empty", "--out", tmp_path / "g.jsonl") == 1
    assert extract(monkeypatch, "footage", "--videos", tmp_path / "none", "--out", tmp_path / "g.jsonl") == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["no video in this folder", "no such folder"]
