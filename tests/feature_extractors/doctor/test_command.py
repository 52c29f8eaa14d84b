"""The verb `doctor`: the table that it writes and its exit status."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from feature_extractors.__main__ import main
from feature_extractors.media import probe
from formats.grid import ClipGrid
from formats.video_table import write_table
from tests.feature_extractors.made_media import steady, write_media

CLIPS = ClipGrid()
ROOT = Path(__file__).parents[3]
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(6 * 48_000) / 48_000)[None]


def test_the_command_writes_a_table_and_its_status_is_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["feature_extractors", "doctor", *map(str, arguments)])
        return main()

    folder, out = tmp_path / "videos", tmp_path / "doctor.tsv"
    folder.mkdir()
    write_media(folder / "a.mp4", steady(6.0), sound=TONE)
    assert run("--videos", folder, "--out", out) == 0
    write_media(folder / "b.mp4", steady(6.0), sound=TONE[:, :48_000])
    assert run("--videos", folder, "--out", out) == 3
    (folder / "c.mp4").touch()
    assert run("--videos", folder, "--out", out) == 4
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "1 ok, 0 note, 1 warning, 1 error, 3 in total"
    with out.open(newline="") as content:
        rows = {row["vid"]: row for row in csv.DictReader(content, delimiter="\t")}
    assert [rows[vid]["severity"] for vid in "abc"] == ["ok", "warning", "error"]
    assert (rows["a"]["clips"], rows["a"]["audio_hz"], rows["c"]["duration_s"]) == ("3", "48000", "")
    assert rows["c"]["findings"] == "error: not a readable media file: it is empty"
    (tmp_path / "q.jsonl").write_text(json.dumps({"qid": 1, "query": "q", "vid": "a", "duration": 6}) + "\n")
    assert run("--videos", folder, "--annotations", tmp_path / "q.jsonl") == 4  # what is not annotated is looked at too
    # What `convert` writes about a video that is missing: the other rows are looked at all the same.
    with (tmp_path / "q.jsonl").open("a") as rows_file:
        rows_file.write(json.dumps({"qid": 2, "query": "q", "vid": "gone"}) + "\n")
    assert run("--videos", folder, "--annotations", tmp_path / "q.jsonl") == 4
    assert "no file for this id" in capsys.readouterr().out
    write_table(tmp_path / "table.jsonl", [probe(folder, folder / "a.mp4", CLIPS)])
    assert run("--videos", folder, "--manifest", tmp_path / "table.jsonl") == 0
    assert run("--videos", tmp_path / "none") == 1


def test_names_that_are_not_of_the_terminals_letters(tmp_path: Path) -> None:
    folder, out = tmp_path / "videos", tmp_path / "doctor.tsv"
    folder.mkdir()
    write_media(tmp_path / "a.mp4", steady(4.0))
    for name in ("видео.mp4".encode(), b"caf\xe9.mp4"):  # the second one is Latin-1
        shutil.copy(tmp_path / "a.mp4", os.fsencode(folder) + b"/" + name)
    command = [sys.executable, "-m", "feature_extractors", "doctor", "--videos", str(folder), "--out", str(out)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert "the same content as caf\\udce9" in done.stdout and "\\u0432\\u0438\\u0434\\u0435\\u043e" in done.stdout
    with out.open(newline="", encoding="utf-8") as content:
        rows = [(row["vid"], row["clips"]) for row in csv.DictReader(content, delimiter="\t")]
    assert sorted(rows) == [("caf\\udce9", "2"), ("видео", "2")]
