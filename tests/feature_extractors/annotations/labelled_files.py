"""Files of labelling programs that say the same about two videos, and the rows that they become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pympi

from model.training.labels import check_rows

EXPECTED = [("a", "a dog", [[1.0, 4.5]]), ("a", "a siren", [[0.0, 2.0], [6.0, 10.0]]), ("é b", "a dog", [[3.0, 5.0]])]
"""Video, query and windows of the rows that each file becomes."""


def rows_of(out: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (out / "moments.jsonl").read_text(encoding="utf-8").splitlines()]
    check_rows(rows, "moments", "rows")  # what training asks for
    return rows


def labels_of(out: Path) -> list[tuple[str, str, list[list[float]]]]:
    return [(row["vid"], row["query"], row["relevant_windows"]) for row in rows_of(out)]


def write_table(path: Path) -> Path:
    path.write_text(
        "\ufeffVideo;Label;Start;End;Note\n"
        "a.mp4;a dog;1;3;\n"
        "a;a dog;0:02.5;00:00:04.5;x\n"
        "\n"
        'C:\\films\\a.mp4;"a  siren";6;99;\n'
        "a;a siren;;2;\n"
        "/data/é%20b.mkv;a dog;3;5;\n",
        encoding="utf-8",
    )
    return path


def write_via(path: Path) -> Path:
    segment, region = {"anchor_id": "FILE1_Z2_XY0"}, {"anchor_id": "FILE1_Z1_XY1", "type": 1, "options": {}}
    project = {
        "project": {"vid_list": ["1", "2"]},
        "config": {},
        "attribute": {
            "1": {**segment, "aname": "query", "type": 4, "options": {"7": "a dog", "8": "a siren"}},
            "2": {**segment, "aname": "also", "type": 2, "options": {"0": "a siren", "1": "a dog"}},
            "3": {**segment, "aname": "text", "type": 1, "options": {}},
            "4": region,
        },
        "file": {
            "1": {"fid": "1", "fname": "a.mp4", "type": 4, "loc": 1, "src": ""},
            "2": {"fid": 2, "fname": "é b.mkv", "type": 4, "loc": 1, "src": ""},
        },
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}},
        "metadata": {
            "1_a": {"vid": "1", "flg": 0, "z": [1, 3], "xy": [], "av": {"1": "7"}},
            "1_b": {"vid": "1", "flg": 0, "z": [2.5, 4.5], "xy": [], "av": {"1": "", "2": "1", "3": ""}},
            "1_c": {"vid": "1", "flg": 0, "z": [6, 99], "xy": [], "av": {"3": "a siren"}},
            "1_d": {"vid": "1", "flg": 0, "z": [0, 2], "xy": [], "av": {"2": "0,"}},
            "2_e": {"vid": "2", "flg": 0, "z": [3, 5], "xy": [], "av": {"1": "7"}},
            "2_f": {"vid": "2", "flg": 0, "z": [3], "xy": [2, 1, 1, 1, 1], "av": {"4": "a box"}},
        },
    }
    path.write_text(json.dumps(project))
    return path


def timeline(start: int, end: int, *labels: str) -> dict[str, Any]:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": list(labels)}
    return {"type": "timelinelabels", "from_name": "x", "to_name": "video", "value": value}


def write_label_studio(path: Path) -> Path:
    heard = {"type": "labels", "value": {"start": 6.0, "end": 99.0, "labels": ["a siren"], "channel": 0}}
    other = {"type": "choices", "value": {"choices": ["good"]}}
    tasks = [
        {
            "id": 1,
            "data": {"video": "/data/upload/3/0a1b2c3d-a.mp4", "fps": 10},
            "annotations": [
                {"result": [timeline(11, 30, "a dog"), timeline(26, 45, "a dog"), heard, other]},
                {"result": [timeline(1, 20, "a siren")]},
                {"result": [timeline(1, 90, "a cat")], "was_cancelled": True},
            ],
            "predictions": [{"result": [timeline(1, 90, "a cat")]}],
        },
        # Without fps, the rate is that of the file: 5.
        {"id": 2, "data": {"film": "é b.mkv"}, "annotations": [{"result": [timeline(16, 25, "a dog")]}]},
    ]
    path.write_text(json.dumps(tasks))
    return path


def write_elan(folder: Path) -> list[Path]:
    """Two documents, written by the library that linguists use."""
    one = pympi.Elan.Eaf(author="")
    one.add_linked_file("file:///C:/films/a.mp4", relpath="./a.mp4", mimetype="video/mp4")
    one.add_tier("a dog")
    one.add_annotation("a dog", 1000, 3000, "")
    one.add_annotation("a dog", 3000, 4500, " ")
    one.add_tier("sounds")
    one.add_annotation("sounds", 0, 2000, "a siren")
    one.add_annotation("sounds", 6000, 99000, "a  siren")
    one.to_file(str(folder / "one.eaf"))
    other = pympi.Elan.Eaf(author="")
    other.add_tier("t")
    other.add_annotation("t", 3000, 5000, "a dog")
    other.to_file(str(folder / "é b.eaf"))  # named as its video, which it does not link
    return [folder / "one.eaf", folder / "é b.eaf"]
