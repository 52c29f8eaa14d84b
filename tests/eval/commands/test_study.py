"""The verbs `summarise` and `plot-summary`: they write the requested tables and no others."""

from __future__ import annotations

import json

from tests.eval.running import run
from tests.eval.study.metrics_files import metrics


def test_tables_are_written_on_request(tmp_path):
    paths = []
    for seed, r1 in enumerate((60.0, 62.0)):
        name, content = metrics("base", seed, r1)
        paths.append(tmp_path / name)
        paths[-1].write_text(json.dumps(content))
    out = tmp_path / "out"
    assert run("summarise", "--metrics", *paths, "--out-json", out / "s.json") == 0
    assert [path.name for path in out.iterdir()] == ["s.json"]
    tables = ["--out-markdown", out / "s.md", "--out-latex", out / "s.tex", "--out-csv", out / "s.csv"]
    assert run("summarise", "--metrics", *paths, "--out-json", out / "s.json", *tables) == 0
    assert "| base | 2 | 61.00 ± 1.41 |" in (out / "s.md").read_text()
    assert "base & 2 & 61.00 $\\pm$ 1.41" in (out / "s.tex").read_text()
    assert "base,all,False,MR-full-R1@0.5,,2,61.0,1.4142" in (out / "s.csv").read_text()
    assert run("plot-summary", "--summary", out / "s.json", "--out", out / "s.png", out / "s.svg") == 0
    assert ">61.0<" in (out / "s.svg").read_text()


def test_a_file_that_is_no_metrics_is_one_line(tmp_path, capsys):
    (tmp_path / "m.json").write_text('{"brief": {"mAP": 1.0}}')
    assert run("summarise", "--metrics", tmp_path / "m.json", "--out-json", tmp_path / "s.json") == 1
    assert capsys.readouterr().err.endswith("m.json: does not name its run: score it again with --run NAME\n")
    assert not (tmp_path / "s.json").exists()
