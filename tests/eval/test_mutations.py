"""Valid files with one value replaced give a result or a one-line error, never a traceback or a warning."""

from __future__ import annotations

import copy
import json
import os
import random
import warnings

import numpy as np
import pytest

from eval.__main__ import build_command

# One of each kind of value that JSON allows but rows do not, or only in some places.
VALUES = [
    None, True, 0, -1, 2.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"), 10**400, 2**64, 2e9, "", "1", "mean",
    "a|b\n", [], {}, [[]], [None], [[1, 2]], [[1, 2, 3]], [["a"]], [[True, 2, 1.0]], {"a": 1}, [[-1e308, 1e308, 0]],
]  # fmt: skip
ROUNDS = int(os.environ.get("FUZZ_EXAMPLES", "40"))


def run(*arguments):
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        return build_command().main([str(argument) for argument in arguments])


def places(value, path=()):
    """Every path within nested lists and objects."""
    if path:
        yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


def spoil(value, draw):
    """A copy with one value replaced or removed. All depths are equally likely; most values are at the bottom."""
    value = copy.deepcopy(value)
    paths = list(places(value))
    depth = draw.randint(1, max(map(len, paths)))
    *above, key = draw.choice([path for path in paths if len(path) == depth])
    parent = value
    for step in above:
        parent = parent[step]
    if draw.random() < 0.2:
        del parent[key]
    else:
        parent[key] = draw.choice(VALUES)
    return value


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def files(tmp_path, queries):
    """Valid inputs of all verbs by name: (how to write it, content)."""
    predictions, truth = queries(4)
    random_labels = np.random.default_rng(0)
    videos = [
        {"qid": name, "vid": name, "domain": name[0], "label": random_labels.integers(1, 6, (12, 3)).tolist()}
        for name in ("A1", "B1")
    ]
    rows = {
        "p.jsonl": predictions,
        "g.jsonl": truth,
        "v.jsonl": videos,
        "s.jsonl": [{"qid": row["qid"], "pred_saliency_scores": list(range(12))} for row in videos],
        "c.jsonl": [{"vid": row["vid"], "segments": [[0, 2], [2, 10], [10, 24]]} for row in videos],
    }
    for name, content in rows.items():
        (tmp_path / name).write_text(lines(content))
    score = ["score", "--predictions", tmp_path / "p.jsonl", "--ground-truth", tmp_path / "g.jsonl", "--run", "a"]
    assert run(*score, "--by", "modality", "--out", tmp_path / "m.json", "--per-query", tmp_path / "q.json") == 0
    tvsum = ["tvsum", "--ground-truth", tmp_path / "v.jsonl", "--last", tmp_path / "s.jsonl", "--run", "b"]
    assert run(*tvsum, "--out", tmp_path / "t.json") == 0
    objects = {name: json.loads((tmp_path / name).read_text()) for name in ("m.json", "q.json", "t.json")}
    return {name: (lines, content) for name, content in rows.items()} | {
        name: (json.dumps, content) for name, content in objects.items()
    }


COMMANDS = {
    "score": "score --predictions p.jsonl --ground-truth g.jsonl --variants --where windows=0:99,words=1: --out o",
    "covered": "score --predictions p.jsonl --ground-truth g.jsonl --covered-only --as-listed --out o --per-query u",
    "baseline": "baseline --ground-truth g.jsonl --seed 0 --out o",
    "tvsum": "tvsum --ground-truth v.jsonl --best s.jsonl --segments c.jsonl --out o --out-markdown u",
    "describe": "describe --ground-truth g.jsonl --out o",
    "describe videos": "describe --ground-truth v.jsonl --out o",
    "compare": "compare --predictions p.jsonl p.jsonl --ground-truth g.jsonl --out o",
    "summarise": "summarise --metrics m.json t.json --per-query q.json --against b --out-json o --out-markdown u",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_any_value_anywhere_is_a_result_or_one_line(tmp_path, files, capsys, name):
    words = COMMANDS[name].split()
    inputs = [word for word in dict.fromkeys(words) if word in files]
    arguments = [tmp_path / word if word in files or word in ("o", "u") else word for word in words]
    capsys.readouterr()
    assert run(*arguments) == 0
    statuses = set()
    for seed in range(ROUNDS):
        draw = random.Random(seed)
        chosen = draw.choice(inputs)
        write, content = files[chosen]
        (tmp_path / chosen).write_text(write(spoil(content, draw)))
        capsys.readouterr()
        status = run(*arguments)
        error = capsys.readouterr().err
        assert status == 0 or (status == 1 and error.count("\n") == 1 and "error: " in error), (seed, chosen, error)
        statuses.add(status)
        (tmp_path / chosen).write_text(write(content))
    assert 1 in statuses  # the exchanged values do reach the checks
