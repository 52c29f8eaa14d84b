"""Values per query from files of `score --per-query`, checked against the metrics of the same scoring."""

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
    """Sorted as text, the same for every seed."""
    by_seed: dict[int | None, dict[str, Floats]]
    """(N,) in percent for each key, NaN where a query does not count."""

    def mean(self, key: str, seeds: Sequence[int | None]) -> Floats | None:
        """Mean of each query over exactly these seeds, (N,); None if the values of a seed are missing."""
        if not seeds or any(key not in self.by_seed.get(seed, {}) for seed in seeds):
            return None
        mean: Floats = np.mean([self.by_seed[seed][key] for seed in seeds], axis=0)
        return None if np.isnan(mean).all() else mean


def read_values(files: Sequence[tuple[str, Row]], metrics: Cells) -> dict[Cell, QueryValues]:
    """Read (file name, content) by run and scope.

    Runs that cover only part of the queries may cover other queries than other runs do.

    Raises:
        UserError: a file is malformed (see `collect`), no metrics file has its run, scope and seed, the mean of its
            values is not the metric, or seeds or runs of a scope were scored over different queries.
    """
    result: dict[Cell, QueryValues] = {}
    first: dict[tuple[str, str, str], tuple[str, object]] = {}
    for (run, scope), seeds in collect(files, "values").items():
        for seed, record in seeds.items():
            beside = metrics.get((run, scope), {}).get(seed)
            if beside is None:
                of = f"run {run}, scope {scope}" + (f", seed {seed}" if seed is not None else "")
                raise UserError(f"{record.name}: no metrics file for {of}")
            qids, arrays = read_arrays(record)
            _compare_with_metrics(record, arrays, beside)
            # Seeds of a run must have the same queries; so must all runs of the scope, except those that cover a part.
            group = "" if record.coverage is None else run
            queries: dict[str, object] = {"": qids}
            queries |= {key: np.isnan(array).tobytes() for key, array in arrays.items() if not np.isnan(array).all()}
            for key, counted in queries.items():
                other, wanted = first.setdefault((group, scope, key), (record.name, counted))
                if counted != wanted:
                    what = f"values.{key}: other queries count" if key else "qids: other queries"
                    raise UserError(f"{record.name}: {what} than in {other}")
            found = result.setdefault((run, scope), QueryValues(qids, {}))
            found.by_seed[seed] = arrays
    return result


def read_arrays(record: Record) -> tuple[list[Qid], dict[str, Floats]]:
    """Query ids, sorted as text, and for each key the values (N,) in their order.

    Raises:
        UserError: a key has more or fewer values than there are queries, or a query occurs twice.
    """
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
            raise UserError(f"{record.name}: about.{key}: differs from {beside.name}")
    for key, array in arrays.items():
        known = array[~np.isnan(array)]
        mean, metric = (float(known.mean()) if len(known) else None), beside.content["brief"].get(key)
        if (mean is None) != (metric is None) or (mean is not None and abs(mean - metric) > ROUNDING):
            found = "none" if mean is None else f"{mean:.4f}"
            raise UserError(
                f"{record.name}: values.{key}: the mean is {found}, but {'none' if metric is None else metric} in "
                f"{beside.name}: write both files with one call of `score`"
            )
