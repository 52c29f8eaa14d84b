"""Paired differences of runs over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cli import UserError
from eval.significance import interval_t
from eval.study.differences import choose_metrics, find_difference, pair_runs, split_epoch
from eval.study.summary import summarise

KEY = "MR-full-mAP"


def metrics(run: str, seed: int | None, value: float | None, **about: Any) -> tuple[str, dict[str, Any]]:
    return f"{run} {seed} {about}", {"brief": {KEY: value}, "about": {"run": run, "seed": seed, **about}}


def test_differences_pair_the_seeds_that_both_have() -> None:
    files = [metrics("base", seed, 10.0 + seed) for seed in range(4)]
    files += [metrics("film", seed, 11.0 + 2 * seed) for seed in range(1, 6)]
    summary = summarise(files)
    base, film = pair_runs(summary)
    assert base.against is None and film.against is not None and film.against["run"] == "base"
    found = find_difference(film, KEY)
    assert found is not None and found.by_seed == (2.0, 3.0, 4.0) and found.mean == 3.0
    assert found.interval == pytest.approx(interval_t(np.array([2.0, 3.0, 4.0])), abs=1e-4)
    assert find_difference(base, KEY) is None
    # The other way round.
    other, _ = pair_runs(summary, against="film")
    assert find_difference(other, KEY).by_seed == (-2.0, -3.0, -4.0)  # type: ignore[union-attr]


def test_epochs_are_compared_with_the_same_epoch() -> None:
    files = [
        metrics(run, seed, value + seed, epoch=epoch)
        for run, shift in (("base", 0.0), ("film", 5.0))
        for epoch, value in (("best", 50.0 + shift), ("last", 40.0 + 2 * shift))
        for seed in (1, 2)
    ]
    summary = summarise([*files, metrics("random", 1, 3.0)])
    assert [pair.name for pair in pair_runs(summary)] == ["base", "film", "random"]
    for epoch, gain in (("best", 5.0), ("last", 10.0)):
        film = next(pair for pair in pair_runs(summary, epoch=epoch) if pair.name == "film")
        assert film.row["run"] == f"film ({epoch} epoch)"
        assert find_difference(film, KEY).mean == gain  # type: ignore[union-attr]
    assert split_epoch("a (best epoch)") == ("a", "best") and split_epoch("a (best)") == ("a (best)", "")


def test_what_cannot_be_paired_has_no_difference() -> None:
    part = {"coverage": {"queries": 5, "of": 9}}
    files = [metrics("base", 1, 50.0), metrics("part", 1, 60.0, **part), metrics("later", 2, 60.0)]
    files += [metrics("empty", 1, None), metrics("random", 1, 10.0)]
    for pair in pair_runs(summarise(files)):
        assert find_difference(pair, KEY) is None, pair.name


def test_one_seed_has_a_difference_without_an_interval() -> None:
    film = pair_runs(summarise([metrics("base", 1, 50.0), metrics("film", 1, 60.0)]))[1]
    found = find_difference(film, KEY)
    assert found is not None and found.interval is None and found.mean == 10.0


def test_scopes_are_compared_with_themselves() -> None:
    files = [
        metrics(run, 1, value + place, scope=scope)
        for run, value in (("base", 10.0), ("film", 20.0))
        for place, scope in enumerate(("BK", "VT"))
    ]
    pairs = pair_runs(summarise(files))
    gains = {pair.row["scope"]: find_difference(pair, KEY) for pair in pairs if pair.name == "film"}
    assert {scope: gain.mean for scope, gain in gains.items() if gain} == {"BK": 10.0, "VT": 10.0, "mean of 2": 10.0}


def test_metrics_and_mistakes() -> None:
    summary = summarise([metrics("base", 1, 50.0)])
    assert [column["key"] for column in choose_metrics(summary)] == [KEY]
    with pytest.raises(UserError, match="--against x: no such run, choose from base"):
        pair_runs(summary, "x")
    with pytest.raises(UserError, match="no runs to compare, only baselines"):
        pair_runs(summarise([metrics("random", 1, 50.0)]))
    with pytest.raises(UserError, match="neither metrics of moments"):
        choose_metrics({"columns": [{"key": "x", "subset": None}]})
