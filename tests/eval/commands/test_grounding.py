"""The verbs import-answers and export-answers, and the options of `score` that go with them."""

from __future__ import annotations

import json

from eval.commands.grounding import FORMATS
from eval.grounding import exchange
from tests.eval.running import run


def test_answers_there_and_back(tmp_path, write, queries, capsys):
    predictions, truth = queries(6)
    for row in truth:
        row["relevant_windows"] = row["relevant_windows"][:1]
    predictions[0]["pred_relevant_windows"] = []
    given = ["--ground-truth", write("g.jsonl", truth)]
    results, again, scores = tmp_path / "r.json", tmp_path / "again.jsonl", tmp_path / "m.json"
    first = write("p.jsonl", predictions)
    assert run("export-answers", "--predictions", first, *given, "--format", "timelens", "--out", results) == 0
    assert len(json.loads(results.read_text())) == 6
    assert run("import-answers", "--answers", results, *given, "--out", again) == 0
    assert "6 answers, 1 without a moment" in capsys.readouterr().err
    recalls = []
    for file in (first, again):
        more = ["--variants", "--by", "modality", "--relabelled", given[1]]
        assert run("score", "--predictions", file, *given, *more, "--out", scores) == 0
        found = json.loads(scores.read_text())
        assert found["variants"]["subsets"].keys() == found["subsets"].keys()
        assert found["relabelled"]["g"]["queries"] == 6
        assert found["relabelled"]["g"]["first"] == found["relabelled"]["g"]["second"]
        recalls.append([found["variants"]["full"]["MR-mIoU"], found["full"]["MR-R1"]])
    assert recalls[0] == recalls[1]


def test_the_formats_are_those_that_can_be_written():
    assert tuple(exchange.FORMATS) == FORMATS


def test_a_mistake_is_one_line(tmp_path, write, queries, capsys):
    truth = write("g.jsonl", queries(1)[1])
    (tmp_path / "r.json").write_text('{"a": 1}')
    arguments = ["--answers", tmp_path / "r.json", "--ground-truth", truth, "--out", tmp_path / "p.jsonl"]
    assert run("import-answers", *arguments) == 1
    error = capsys.readouterr().err
    assert "r.json: 'a': a key must be VIDEO>>>QUERY>>>SPAN" in error and error.count("\n") == 1
    assert not (tmp_path / "p.jsonl").exists()
