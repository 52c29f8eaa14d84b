"""Paired differences of runs over seeds: what a run gains on another one with the same seeds, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cli import UserError
from eval.significance import interval_t

HEADLINE = ("MR-full-R1@0.5", "MR-full-R1@0.7", "MR-full-mAP", "HL-min-VeryGood-mAP", "HL-min-VeryGood-Hit1")
"""The metrics that are compared; without these, those of TVSum."""
RATED = ("mAP", "tau", "rho", "mAP-last", "tau-last", "rho-last")
EPOCHS = ("best", "last")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """One run in one scope.

    Attributes:
        name: of the run, without its epoch.
        row: of the summary.
        against: the row of the run that it is compared with; None for that run itself, and where there is none.
    """

    name: str
    row: Row
    against: Row | None


@dataclass(frozen=True)
class Difference:
    """What a run gains on another one in a metric.

    Attributes:
        by_seed: one difference for each seed that both have.
        mean: of these.
        interval: 95 %, Student's over the seeds; None for one seed.
    """

    by_seed: tuple[float, ...]
    mean: float
    interval: tuple[float, float] | None


def choose_metrics(summary: Row) -> list[Row]:
    """The columns of a summary (`summarise`) that are compared: those of all queries.

    Raises:
        UserError: the summary has none of them.
    """
    known = {column["key"]: column for column in summary["columns"] if not column["subset"]}
    chosen = [known[key] for key in HEADLINE if key in known] or [known[key] for key in RATED if key in known]
    if not chosen:
        raise UserError("the summary has neither metrics of moments and highlights nor of rated clips")
    return chosen


def pair_runs(summary: Row, against: str | None = None, epoch: str | None = None) -> list[Compared]:
    """Pair each row of a summary with that of the run `against` in its scope.

    Args:
        summary: result of `summarise`.
        against: name of a run; the first one by default.
        epoch: best or last; of runs that were scored at both, the rows of the other epoch are left out. The first
            that occurs by default.

    Raises:
        UserError: no run has the name `against`, or there are no runs.
    """
    rows: Sequence[Row] = summary["rows"]
    epoch = epoch or next((found for row in rows if (found := split_epoch(row["run"])[1])), "")
    kept = [(name, row) for row in rows for name, at in (split_epoch(row["run"]),) if at in ("", epoch)]
    runs = list(dict.fromkeys(name for name, row in kept if not row["baseline"]))
    if not runs:
        raise UserError("the summary has no runs to compare, only baselines")
    if against is not None and against not in runs:
        raise UserError(f"--against {against}: no such run, choose from {', '.join(runs)}")
    against = runs[0] if against is None else against
    others = {row["scope"]: row for name, row in kept if name == against}
    return [Compared(name, row, None if name == against else others.get(row["scope"])) for name, row in kept]


def split_epoch(run: str) -> tuple[str, str]:
    """The name of a row of a summary as (run, epoch); no epoch if the run was scored at one alone."""
    for epoch in EPOCHS:
        if run.endswith(f" ({epoch} epoch)"):
            return run.removesuffix(f" ({epoch} epoch)"), epoch
    return run, ""


def find_difference(pair: Compared, key: str) -> Difference | None:
    """What a run gains in a metric; None for a baseline, without seeds in common, or scored over other queries."""
    row, other = pair.row, pair.against
    if row["baseline"] or other is None or not _same_queries(row, other):
        return None
    mine, theirs = (_by_seed(of, key) for of in (row, other))
    gains = np.array([mine[seed] - theirs[seed] for seed in mine if seed in theirs])
    if not len(gains):
        return None
    interval = interval_t(gains)
    return Difference(
        by_seed=tuple(round(float(gain), 4) for gain in gains),
        mean=round(float(gains.mean()), 4),
        interval=None if interval is None else (round(interval[0], 4), round(interval[1], 4)),
    )


def _same_queries(row: Row, other: Row) -> bool:
    return all(row.get(part) == other.get(part) for part in ("coverage", "labelled"))


def _by_seed(row: Row, key: str) -> dict[Any, float]:
    value = row["values"].get(key)
    pairs = zip(row["seeds"], value["by_seed"], strict=True) if value else ()
    return {seed: number for seed, number in pairs if number is not None}
