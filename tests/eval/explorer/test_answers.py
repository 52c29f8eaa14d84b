"""Files of runs, found by patterns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli import UserError
from eval.explorer.answers import Patterns, read_answers
from tests.eval.explorer.small_study import make_rows, write_study


def write(path: Path, *rows: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_seeds_and_scopes_of_a_run(tmp_path: Path) -> None:
    for seed, scope, qid in (("1", "A", 1), ("1", "B", 2), ("2", "A", 1)):
        write(tmp_path / f"base/{scope}/{seed}.jsonl", {"qid": qid, "pred_saliency_scores": [1, 2]})
    pattern = f"{tmp_path}/{{run}}/{{scope}}/{{seed}}.jsonl"
    first, second = read_answers([("base", "b")], Patterns(pattern, seeds=("1", "2"), scopes=("A", "B")))
    assert (first.name, list(first.predictions)) == ("base@1", [1, 2])
    assert (second.name, list(second.predictions)) == ("base@2", [1])  # domain B could not be read


def test_one_seed_needs_no_name(tmp_path: Path) -> None:
    write_study(tmp_path, make_rows(2))
    (answers,) = read_answers([("film", "")], Patterns(f"{tmp_path}/{{run}}/predictions.jsonl"))
    assert answers.name == "film" and not answers.gates and not answers.values


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (Patterns("{run}/p.jsonl"), "--predictions {run}/p.jsonl: no such file for run base"),
        (Patterns("p.jsonl", gates="{run}.jsonl"), "--gates {run}.jsonl: no such file for any run"),
        (Patterns("p.jsonl", values="v.json"), "v.json: values.AP: 1 values for 2 qids"),
        (Patterns("twice.jsonl"), "twice.jsonl: line 2: qid 1 occurs twice"),
    ],
)
def test_mistakes_are_named(patterns: Patterns, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"qid": 1, "pred_saliency_scores": [1, 2]}
    write(Path("p.jsonl"), row)
    write(Path("twice.jsonl"), row, row)
    write(Path("v.json"), {"about": {"run": "base"}, "qids": [1, 2], "values": {"AP": [3.0]}})
    with pytest.raises(UserError) as raised:
        read_answers([("base", "")], patterns)
    assert str(raised.value) == message
