"""The verbs `rank`, `plot-moments` and `plot-example`: a table, and pictures that are never outside their folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.__main__ import build_command
from formats.strip import Strip, write_strip

QUERIES = [
    {"qid": 7, "vid": "a b", "query": "a dog\tbarks | `loud`"},
    {"qid": 8, "vid": "gone", "query": "a cat"},
    {"qid": 9, "vid": "a b", "query": "clips alone"},
]


MOMENTS = {"qid": 7, "pred_relevant_windows": [[3600, 3662, 0.9], [0, 4.5, 0.25], [8, 10, 0.1]]}


PREDICTIONS: list[dict[str, Any]] = [
    {**MOMENTS, "pred_saliency_scores": [0.5, -1.0]},
    {"qid": 9, "pred_saliency_scores": [0.5, 3.0, -1.0, 3.0]},
]


def test_a_picture_and_a_table_for_every_query(tmp_path: Path, png_size: Any) -> None:
    for name, rows in (("p", PREDICTIONS), ("q", QUERIES)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ["--predictions", f"{tmp_path}/p.jsonl", "--queries", f"{tmp_path}/q.jsonl"]
    assert build_command().main(["plot-moments", *given, "--out-dir", f"{tmp_path}/m"]) == 0
    sizes = {path.name: png_size(path) for path in (tmp_path / "m").iterdir()}
    assert sizes.keys() == {"7.png", "8.png", "9.png"}
    assert sizes["7.png"][1] > sizes["9.png"][1]  # moments stand below the curve
    before = (tmp_path / "m/7.png").read_bytes()
    assert build_command().main(["plot-moments", *given, "--out-dir", f"{tmp_path}/m"]) == 0
    assert (tmp_path / "m/7.png").read_bytes() == before
    out = ["--out-markdown", f"{tmp_path}/r.md", "--out-tsv", f"{tmp_path}/r.tsv", "--topk", "1"]
    assert build_command().main(["rank", *given, *out]) == 0
    assert len((tmp_path / "r.tsv").read_text().splitlines()) == 3
    assert "Highlight curve" not in (tmp_path / "r.md").read_text()


@pytest.mark.parametrize("qid", ["../b", "a/b", "/tmp/b", "..", ".hidden", "a b", ""])
def test_a_picture_never_lies_outside_its_folder(qid: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps({"qid": qid, "vid": "v", "query": "q"}) + "\n")
    (tmp_path / "p.jsonl").write_text(json.dumps({"qid": qid, "pred_saliency_scores": [1, 2]}) + "\n")
    given = ["--predictions", f"{tmp_path}/p.jsonl", "--queries", f"{tmp_path}/q.jsonl"]
    assert build_command().main(["plot-moments", *given, "--out-dir", f"{tmp_path}/m"]) == 1
    table = ["--out-markdown", f"{tmp_path}/r.md", "--pictures", "m"]
    assert build_command().main(["rank", *given, *table]) == 1
    assert all("pictures are named by qid" in line for line in capsys.readouterr().err.splitlines())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.jsonl", "q.jsonl"]


@pytest.mark.parametrize("verb", ["rank", "plot-moments"])
@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_how_many_are_shown_is_a_whole_number(verb: str, count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_command().main([verb, "--predictions", "p", "--queries", "q", "--topk", count])
    assert "--topk: must be a whole number from 1" in capsys.readouterr().err


def test_a_picture_without_saliency_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.jsonl").write_text('{"qid": 7, "pred_relevant_windows": [[0, 2, 0.5]]}\n')
    (tmp_path / "q.jsonl").write_text('{"qid": 7, "vid": "v", "query": "a dog"}\n')
    files = ["--predictions", str(tmp_path / "p.jsonl"), "--queries", str(tmp_path / "q.jsonl")]
    assert build_command().main(["plot-moments", *files, "--out-dir", str(tmp_path / "out")]) == 1
    assert f"{tmp_path / 'p.jsonl'}: qid 7" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--predictions", "--queries"])
def test_no_picture_takes_the_place_of_what_is_read(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"--predictions": "p.jsonl", "--queries": "q.jsonl", option: "9.png"}
    for name, rows in zip(names.values(), (PREDICTIONS, QUERIES), strict=True):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    words = [word for key, name in names.items() for word in (key, str(tmp_path / name))]
    assert build_command().main(["plot-moments", *words, "--out-dir", str(tmp_path)]) == 1
    assert "9.png: would overwrite the input" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_one_query_on_one_axis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, rows in (("p", PREDICTIONS), ("q", QUERIES)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    strip = Strip("a b", 8.0, np.zeros((0, 0, 0, 3), np.uint8), np.zeros((0, 0), np.float32))
    write_strip(tmp_path / "s.npz", strip)
    given = ["plot-example", "--predictions", f"{tmp_path}/p.jsonl", "--queries", f"{tmp_path}/q.jsonl"]
    more = ["--strip", f"{tmp_path}/s.npz", "--log", "--out", f"{tmp_path}/a.svg"]
    assert build_command().main([*given, "--qid", "9", *more, "--about", "network best.pt"]) == 0
    assert "“clips alone”" in (tmp_path / "a.svg").read_text() and "network best.pt" in (tmp_path / "a.svg").read_text()
    assert build_command().main([*given, "--qid", "70", *more]) == 1
    assert build_command().main([*given, "--qid", "8", *more]) == 1
    unknown, other = capsys.readouterr().err.splitlines()
    assert f"--qid 70: no such query in {tmp_path}/q.jsonl" in unknown
    assert "s.npz: shows 'a b', but query 8 is about 'gone'" in other


def test_gates_of_another_network_are_named(tmp_path: Path, gate_rows: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = gate_rows(2)
    asked = [{"qid": row["qid"], "vid": row["vid"], "query": "a dog", "duration": 24} for row in rows]
    mine = [{"qid": row["qid"], "pred_saliency_scores": row["saliency"]} for row in rows]
    for name, lines in (("p", mine), ("q", asked), ("g", rows)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    given = ["plot-example", "--predictions", f"{tmp_path}/p.jsonl", "--queries", f"{tmp_path}/q.jsonl", "--qid", "1"]
    given += ["--log", f"{tmp_path}/g.jsonl", "--out", f"{tmp_path}/a.svg"]
    assert build_command().main(given) == 0
    assert "note:" not in capsys.readouterr().err
    mine[1]["pred_saliency_scores"] = mine[0]["pred_saliency_scores"][::-1]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mine))
    assert build_command().main(given) == 0
    assert "g.jsonl is not of the network that made" in capsys.readouterr().err
