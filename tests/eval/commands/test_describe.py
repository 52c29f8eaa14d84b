"""The verb `describe`: statistics of queries, or of rated videos."""

from __future__ import annotations

import json

from tests.eval.running import run


def test_statistics_are_of_queries_or_of_rated_videos(tmp_path, write, queries):
    out = ["--out", tmp_path / "d.json"]
    assert run("describe", "--ground-truth", write("g.jsonl", queries(6)[1]), "--by", "modality", *out) == 0
    found = json.loads((tmp_path / "d.json").read_text())
    assert found["queries"] == 6 and found["parts"]["modality=audio"] == 2
    assert run("describe", "--ground-truth", write("v.jsonl", [{"qid": 1, "domain": "A", "label": [[1]]}]), *out) == 0
    assert json.loads((tmp_path / "d.json").read_text())["domains"] == {"A": 1}
