"""Scores of runs under conditions, and their paired differences, level by level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cli import UserError
from eval.conditions.plan import Plan, PlannedCell, PlannedCondition
from eval.metrics_files import QueryValuesFile, check_shape
from eval.parts import name_part
from eval.significance import average_seeds, bootstrap_means, compare_t, interval_t
from eval.study.run_table import COLUMNS, SUBSET_COLUMN
from formats.arrays import Floats
from formats.rows import Row, read_object

KEYS = ("MR-full-R1@0.5", "MR-full-R1@0.7", "MR-full-mAP", "HL-min-VeryGood-mAP")
GATES = ("gate", "auc", "auc_contribution", "auc_own", "rho")
"""Numbers of `compute_calibration`."""
Values = dict[int, dict[str, Floats]]
"""By seed, then by metric: percent of each query, NaN where it does not count."""


@dataclass(frozen=True)
class Measure:
    """A metric over all queries of a level, or over a part of them, such as `modality=audio`."""

    metric: str
    part: str = ""

    @property
    def key(self) -> str:
        """The name of this measure in the result."""
        return f"{self.part}/{self.metric}" if self.part else self.metric

    @property
    def label(self) -> str:
        """Its heading in tables."""
        return f"{COLUMNS[self.metric]} {self.part.partition('=')[2]}".strip()


@dataclass(frozen=True)
class Level:
    """One level of a condition.

    Attributes:
        qids: the queries of the level, in order.
        parts: the queries of each part, (N,).
        values: of each run that has results.
        gates: per run and seed the numbers of `compute_calibration`.
    """

    condition: str
    at: float
    qids: Sequence[Any]
    parts: Mapping[str, np.ndarray]
    values: dict[str, Values] = field(default_factory=dict)
    gates: dict[str, dict[int, Row]] = field(default_factory=dict)


def compare_files(plan: Plan, results: str, truths: Sequence[Sequence[Row]], by: Sequence[str] = ()) -> dict[str, Any]:
    """Compare the runs of a plan from files of `score --per-query` and `calibration`; missing files are left out.

    Args:
        results: folder of a run's results, with `{run}` and `{seed}` to be filled in.
        truths: the annotation rows of each split that the conditions name, in their order.
        by: annotation keys whose values make parts of the queries.

    Returns:
        {"conditions": [{"name", "label", "levels"}], "runs": [{"name", "label", "like"}], "against", "seeds",
        "measures": [{"key", "label", "queries"}], "rows": [{"condition", "level", "run", "seeds", "queries",
        "values": {measure: average}, "differences": {other run: {measure: {"mean", "by_seed", "interval", "p",
        "interval_queries"}}}, "gates": {"auc" | ..: average}}], "missing": [files]}. An average is {"mean", "sd",
        "by_seed"}, in percent for scores. Differences pair equal seeds; "interval" is Student's over the seeds (95 %,
        None for one seed) with its p, "interval_queries" a bootstrap over queries of the mean over the seeds.

    Raises:
        UserError: a file is malformed, two files of a split hold different queries, or nothing has results yet.
    """
    missing: list[str] = []
    levels = [level for level in _read_levels(plan, results, truths, by, missing) if level.values]
    if not levels:
        raise UserError(f"none of {len(missing)} files with results is there, such as {missing[0] if missing else ''}")
    parts = list(dict.fromkeys(part for level in levels for part in level.parts))
    found = {metric for level in levels for run in level.values.values() for of in run.values() for metric in of}
    measures = [Measure(metric) for metric in KEYS if metric in found]
    measures += [Measure(SUBSET_COLUMN[0], part) for part in parts if SUBSET_COLUMN[0] in found]
    rows = [
        _compare(level, run.name, plan, measures) for level in levels for run in plan.runs if run.name in level.values
    ]
    return {
        "conditions": [
            {
                "name": condition.name,
                "label": condition.label,
                "levels": [level.at for level in levels if level.condition == condition.name],
            }
            for condition in plan.conditions
            if any(level.condition == condition.name for level in levels)
        ],
        "runs": [run.model_dump() for run in plan.runs if any(row["run"] == run.name for row in rows)],
        "against": list(plan.against),
        "seeds": list(plan.seeds),
        "measures": [{"key": measure.key, "label": measure.label} for measure in measures],
        "rows": rows,
        "missing": missing,
    }


def _read_levels(
    plan: Plan, results: str, truths: Sequence[Sequence[Row]], by: Sequence[str], missing: list[str]
) -> Iterator[Level]:
    splits = list(dict.fromkeys(condition.split for condition in plan.conditions))
    if len(splits) != len(truths):
        raise UserError(f"--ground-truth: one file for each of the splits {', '.join(splits)}, got {len(truths)}")
    truth_of = dict(zip(splits, truths, strict=True))
    reader = _Reader(results, missing)
    for condition in plan.conditions:
        cells = [cell for cell in plan.cells if cell.condition == condition.name]
        for at, rows, used in _rows_by_level(condition, cells, truth_of[condition.split]):
            names = {key: [name_part(key, row, condition.split) for row in rows] for key in by}
            masks = {
                part: np.array([name == part for name in of])
                for key, of in names.items()
                for part in sorted(set(of))
                if any(key in row for row in rows)
            }
            level = Level(condition.name, at, [row["qid"] for row in rows], masks)
            for cell in used:
                for seed in plan.seeds:
                    values = reader.values(cell.name, seed, condition.split, level.qids)
                    if values is not None:
                        level.values.setdefault(cell.run, {})[seed] = values
                    gates = reader.gates(cell.name, seed, condition.split)
                    if gates is not None and condition.level_key:
                        gates = gates.get(f"{at:g}")
                    if gates is not None:
                        level.gates.setdefault(cell.run, {})[seed] = gates
            yield level


def _rows_by_level(
    condition: PlannedCondition, cells: Sequence[PlannedCell], truth: Sequence[Row]
) -> Iterator[tuple[float, Sequence[Row], Sequence[PlannedCell]]]:
    """Each level with its queries and its cells, in ascending order."""
    if condition.level_key:
        key = condition.level_key
        found = sorted({float(row[key]) for row in truth if isinstance(row.get(key), int | float)})
        if not found:
            raise UserError(f"condition {condition.name}: no row of {condition.split} has a number {key!r}")
        for at in found:
            yield at, [row for row in truth if row.get(key) == at], cells
        return
    for at in sorted({cell.level for cell in cells if cell.level is not None}):
        yield at, truth, [cell for cell in cells if cell.level == at]


class _Reader:
    """Reads each file of results once."""

    def __init__(self, results: str, missing: list[str]) -> None:
        self._results, self._missing = results, missing
        self._read: dict[Path, Row | None] = {}
        self._scored: dict[str, tuple[Path, frozenset[Any]]] = {}

    def values(self, run: str, seed: int, split: str, qids: Sequence[Any]) -> dict[str, Floats] | None:
        """The values of these queries by metric; None without the file."""
        path = self._path(run, seed, f"queries_{split}")
        content = self._open(path)
        if content is None:
            if str(path) not in self._missing:
                self._missing.append(str(path))
            return None
        file = check_shape(QueryValuesFile, content, str(path))
        first, scored = self._scored.setdefault(split, (path, frozenset(file.qids)))
        if scored != frozenset(file.qids):
            raise UserError(f"{path}: qids: other queries than in {first}")
        place = {qid: index for index, qid in enumerate(file.qids)}
        # One more place, without a value, for queries whose videos were left out.
        order = [place.get(qid, -1) for qid in qids]
        return {
            metric: np.array([*file.values[metric], None], dtype=np.float64)[order]
            for metric in KEYS
            if metric in file.values
        }

    def gates(self, run: str, seed: int, split: str) -> Row | None:
        """The calibration of a run's gates; None without the file, as for a run without gates."""
        return self._open(self._path(run, seed, f"calibration_{split}"))

    def _path(self, run: str, seed: int, name: str) -> Path:
        return Path(self._results.replace("{run}", run).replace("{seed}", str(seed)), f"{name}.json")

    def _open(self, path: Path) -> Row | None:
        if path not in self._read:
            self._read[path] = read_object(path) if path.is_file() else None
        return self._read[path]


def _compare(level: Level, run: str, plan: Plan, measures: Sequence[Measure]) -> Row:
    mine = level.values[run]
    seeds = [seed for seed in plan.seeds if seed in mine]
    values = {measure.key: average_seeds([_mean(level, mine[seed], measure) for seed in seeds]) for measure in measures}
    gates = level.gates.get(run, {})
    differences = {
        other: {
            measure.key: difference
            for measure in measures
            if (difference := _subtract(level, mine, level.values[other], measure)) is not None
        }
        for other in plan.against
        if other != run and other in level.values
    }
    return {
        "condition": level.condition,
        "level": level.at,
        "run": run,
        "seeds": seeds,
        "queries": len(level.qids),
        "values": values,
        "differences": differences,
        "gates": {name: average_seeds([gates[seed].get(name) for seed in seeds if seed in gates]) for name in GATES},
    }


def _mean(level: Level, values: Mapping[str, Floats], measure: Measure) -> float | None:
    """The mean over the queries of a measure that count; None if there are none."""
    column = _column(level, values, measure)
    return None if column is None or np.isnan(column).all() else round(float(np.nanmean(column)), 4)


def _column(level: Level, values: Mapping[str, Floats], measure: Measure) -> Floats | None:
    column = values.get(measure.metric)
    if column is None or not measure.part:
        return column
    return column[level.parts[measure.part]] if measure.part in level.parts else None


def _subtract(level: Level, mine: Values, theirs: Values, measure: Measure) -> Row | None:
    """The paired difference of two runs over the seeds that both have; None if there are none."""
    pairs = []
    for seed in mine:
        one = _column(level, mine[seed], measure)
        other = _column(level, theirs[seed], measure) if seed in theirs else None
        if one is not None and other is not None and not np.isnan(one - other).all():
            pairs.append(one - other)
    if not pairs:
        return None
    by_seed = np.array([np.nanmean(pair) for pair in pairs])
    interval = interval_t(by_seed)
    queries = np.mean(pairs, axis=0)
    over_queries = bootstrap_means(queries[~np.isnan(queries)][:, None])[0]
    return {
        "mean": round(float(by_seed.mean()), 4),
        "by_seed": [round(float(value), 4) for value in by_seed],
        "interval": None if interval is None else [round(end, 4) for end in interval],
        "p": compare_t(by_seed),
        "interval_queries": [round(float(end), 4) for end in over_queries],
    }
