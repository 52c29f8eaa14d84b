"""The verb `explore`: options, and mistakes that are one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from formats.strip import Preview, write_previews
from tests.eval.explorer.small_study import explore, make_rows, read_call, write_study


def test_media_are_linked_by_relative_paths(tmp_path: Path) -> None:
    options = write_study(tmp_path, make_rows(2))
    previews = tmp_path / "previews"
    previews.mkdir()
    preview = Preview(vid="video 0", file="a b.mp4", seconds=24.0, codecs="h264", plays=True, pictures="0.jpg", count=3)
    write_previews(previews, [preview])
    options += ["--previews", str(previews), "--videos", f"{tmp_path}/videos", "--warning", "means nothing"]
    options += ["--figure", f"{tmp_path}/gates.png", "the gates"]
    assert explore(*options, "--out-dir", tmp_path / "page") == 0
    media = read_call(tmp_path / "page/data/queries/00000.js")["media"]
    assert (media["url"], media["pictures"]) == ("./../videos/a%20b.mp4", "./../previews/0.jpg")
    study = read_call(tmp_path / "page/data/study.js")
    assert study["figures"] == [{"url": "./../gates.png", "caption": "the gates"}]
    assert study["warning"] == "means nothing" and study["training"][0]["score"] == [None, 20.0, 30.0]


def test_predictions_alone_are_enough(tmp_path: Path) -> None:
    write_study(tmp_path, make_rows(2))
    options = ["--queries", tmp_path / "queries.jsonl", "--predictions", tmp_path / "film/predictions.jsonl"]
    assert explore(*options, "--out-dir", tmp_path / "page") == 0
    study = read_call(tmp_path / "page/data/study.js")
    assert [one["name"] for one in study["answers"]] == ["predictions"] and study["metrics"] == []


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = make_rows(2)
    options = write_study(tmp_path, rows)
    (tmp_path / "queries.jsonl").write_text(json.dumps(rows[""][0]) + "\n")
    assert explore(*options, "--out-dir", tmp_path / "page") == 1
    assert capsys.readouterr().err.endswith(f"predictions of base: qid 1: no such query in {tmp_path}/queries.jsonl\n")
    assert explore(*options, "--run", "base", "again", "--out-dir", tmp_path / "page") == 1
    assert "--run: a name occurs twice" in capsys.readouterr().err
    assert explore(*options, "--videos", tmp_path, "--out-dir", tmp_path / "page") == 1
    assert "--videos: needs --previews, the folder that" in capsys.readouterr().err
    assert explore(*options, "--out-dir", tmp_path / "queries.jsonl") == 1
    assert "queries.jsonl: is a file, not a folder to write into" in capsys.readouterr().err
    assert not (tmp_path / "page/index.html").exists()


def test_what_does_not_belong_together_is_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = make_rows(4)
    for run in ("base", "film"):
        for gates, row in zip(rows[f"{run}/gates"], rows[f"{run}/predictions"], strict=True):
            gates["saliency"] = row["pred_saliency_scores"]
    options = [*write_study(tmp_path, rows), "--out-dir", str(tmp_path / "page")]
    assert explore(*options) == 0
    assert "note:" not in capsys.readouterr().err

    rows["film/gates"] = rows["base/gates"]
    rows["base/predictions"][1]["query"] = "another"
    write_study(tmp_path, rows)
    assert explore(*options) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "note:" in line]
    assert len(notes) == 2
    assert "predictions of base: made for other queries? The text of 1 differs" in notes[0] and "'another'" in notes[0]
    assert "the gate log of film is not of the network that made predictions of film: 4 of its 4" in notes[1]

    rows["film/predictions"] = rows["base/predictions"]
    write_study(tmp_path, rows)
    assert explore(*options) == 0
    assert "note: base and film have the same predictions" in capsys.readouterr().err

    rows["base/predictions"][0]["vid"] = "video 9"
    write_study(tmp_path, rows)
    assert explore(*options) == 1
    assert "predictions of base: qid 0: vid is 'video 9', but 'video 0' in" in capsys.readouterr().err
