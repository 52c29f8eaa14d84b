"""Values of each query: files of `score --per-query`, held against the metrics that they stand beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from eval.study.files import Cell, Cells, Record, collect
from formats.annotations import Qid
from formats.rows import Row

Floats = NDArray[np.float64]

# Metrics have two decimals, values six.
ROUNDING = 0.005 + 1e-5


@dataclass(frozen=True)
class QueryValues:
    """Values of one run and scope."""

    qids: list[Qid]
    """In order of their text, the same for every seed."""
    by_seed: dict[int | None, dict[str, Floats]]
    """(N,) in percent for each key, NaN where a query does not count."""

    def mean(self, key: str, seeds: Sequence[int | None]) -> Floats | None:
        """Each query's mean over exactly these seeds, (N,); None where one of them lacks the values."""
        if not seeds or any(key not in self.by_seed.get(seed, {}) for seed in seeds):
            return None
        mean: Floats = np.mean([self.by_seed[seed][key] for seed in seeds], axis=0)
        return None if np.isnan(mean).all() else mean


def read_values(files: Sequence[tuple[str, Row]], metrics: Cells) -> dict[Cell, QueryValues]:
    """(file name, content) by run and scope.

    Raises:
        UserError: malformed (see `collect`), of a run, scope and seed that no metrics file is of, values whose mean is
            not the metric, or seeds or runs of a scope that were not scored over the same queries. Runs that cover
            only part of the queries may differ from other runs in that.
    """
    result: dict[Cell, QueryValues] = {}
    first: dict[tuple[str, str, str], tuple[str, object]] = {}
    for (run, scope), seeds in collect(files, "values").items():
        for seed, record in seeds.items():
            beside = metrics.get((run, scope), {}).get(seed)
            if beside is None:
                of = f"run {run}, scope {scope}" + (f", seed {seed}" if seed is not None else "")
                raise UserError(f"{record.name}: no metrics file is of {of}")
            qids, arrays = _read_arrays(record)
            _compare_with_metrics(record, arrays, beside)
            # Its own seeds must agree with it, and unless it covers a part, all runs of the scope.
            group = "" if record.coverage is None else run
            queries: dict[str, object] = {"": qids}
            queries |= {key: np.isnan(array).tobytes() for key, array in arrays.items() if not np.isnan(array).all()}
            for key, counted in queries.items():
                other, wanted = first.setdefault((group, scope, key), (record.name, counted))
                if counted != wanted:
                    what = f"values.{key}: not of the queries that count in" if key else "qids: not the queries of"
                    raise UserError(f"{record.name}: {what} {other}")
            found = result.setdefault((run, scope), QueryValues(qids, {}))
            found.by_seed[seed] = arrays
    return result


def _read_arrays(record: Record) -> tuple[list[Qid], dict[str, Floats]]:
    qids, columns = record.content["qids"], record.content["values"]
    for key, column in columns.items():
        if len(column) != len(qids):
            raise UserError(f"{record.name}: values.{key}: {len(column)} values for {len(qids)} qids")
    if len(set(qids)) != len(qids):
        raise UserError(f"{record.name}: qids: a query occurs twice")
    order = sorted(range(len(qids)), key=lambda index: (str(qids[index]), type(qids[index]).__name__))
    arrays = {key: np.array([column[index] for index in order], dtype=np.float64) for key, column in columns.items()}
    return [qids[index] for index in order], arrays


def _compare_with_metrics(record: Record, arrays: Mapping[str, Floats], beside: Record) -> None:
    for key in ("coverage", "labelled"):
        if getattr(record, key) != getattr(beside, key):
            raise UserError(f"{record.name}: about.{key}: not that of {beside.name}")
    for key, array in arrays.items():
        known = array[~np.isnan(array)]
        mean, metric = (float(known.mean()) if len(known) else None), beside.content["brief"].get(key)
        if (mean is None) != (metric is None) or (mean is not None and abs(mean - metric) > ROUNDING):
            said = "none" if mean is None else f"{mean:.4f}"
            raise UserError(
                f"{record.name}: values.{key}: their mean is {said}, but {beside.name} says "
                f"{'none' if metric is None else metric}: not of the same scoring"
            )
