"""TVSum over runs and seeds: means by domain, separate rows for best and last epoch, references once."""

from __future__ import annotations

from typing import Any

import pytest

from cli import UserError
from eval.tvsum.table import make_table, render_markdown

REFERENCES = {
    "chance": {"mAP": {"BK": 40.0, "VT": 44.0, "mean": 42.0}, "sd": {"BK": 9.0, "VT": 8.0, "mean": 8.5}},
    "mean human": {"mAP": {"BK": 90.0, "VT": 80.0, "mean": 85.0}, "tau": {"BK": 0.5, "VT": 0.4, "mean": 0.45}},
}


def scores(run: str, seed: int, best: float, last: float, **about: Any) -> dict[str, Any]:
    rows = {
        name: {
            "mAP": {"BK": value, "VT": value + 10, "mean": value + 5},
            "tau": {"BK": 0.1, "VT": 0.3, "mean": 0.2},
        }
        for name, value in (("best epoch", best), ("last epoch", last))
    }
    return {"brief": {}, "about": {"run": run, "seed": seed, **about}, "rows": rows | REFERENCES}


def test_means_over_seeds_by_domain() -> None:
    table = make_table([("a", scores("base", 0, 60, 50)), ("b", scores("base", 1, 70, 54))])
    assert table["domains"] == ["BK", "VT"]
    assert [(row["run"], row["epoch"], row["seeds"]) for row in table["rows"]] == [
        ("base", "best epoch", [0, 1]),
        ("base", "last epoch", [0, 1]),
        ("chance", None, []),
        ("mean human", None, []),
    ]
    best, last, chance, _ = (row["values"]["mAP"] for row in table["rows"])
    assert best["BK"] == {"mean": 65.0, "sd": 7.0711, "by_seed": [60, 70]}  # 10 / sqrt(2)
    assert last["mean"] == {"mean": 57.0, "sd": 2.8284, "by_seed": [55, 59]}
    assert chance["mean"] == {"mean": 42.0, "sd": None, "by_seed": [42.0]}
    lines = render_markdown(table).splitlines()
    assert "| Run | Epoch | Seeds | BK | VT | mean | tau |" in lines
    assert "| base | last | 2 | 52.0 | 62.0 | 57.0 ± 2.8 | 0.200 ± 0.000 |" in lines
    assert "| *chance* | – | – | 40.0 | 44.0 | 42.0 | – |" in lines


def test_a_part_of_the_videos_is_marked() -> None:
    covered = scores("base", 0, 60, 50, coverage={"queries": 1, "of": 2})
    text = render_markdown(make_table([("a", covered)]))
    assert "| base † | best |" in text
    assert "† base: 1 of 2 videos, not comparable with full-set numbers." in text


def test_faults_are_named() -> None:
    one = "a", scores("base", 0, 60, 50)
    other = "b", scores("base", 1, 60, 50) | {"rows": {"chance": {"mAP": {"BK": 1.0, "mean": 1.0}}}}
    for files, message in (
        ([one, one], "a: run base, seed 0 is also in another file"),
        ([one, other], r"b: covers other videos than a \(the reference rows differ\): make one table per set"),
        ([("c", {"brief": {}})], "c: not a file of `tvsum --run NAME`: about: Field required"),
        ([], "no files"),
    ):
        with pytest.raises(UserError, match=message):
            make_table(files)
