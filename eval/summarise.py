"""Runs, seeds and domains in one summary: mean and spread, intervals over queries, paired tests against a run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cli import UserError
from cli.files import Row
from eval.rows import Qid
from eval.runs import COLUMNS, Cell, RunTable, collect, read_table
from eval.significance import bootstrap_means, compare_t, permute_signs

Floats = NDArray[np.float64]

Each = dict[Any, tuple[list[Qid], dict[str, Floats]]]
"""By seed: query ids, and the values (N,) of each key, NaN where a query does not count."""


def summarise(
    metrics: Sequence[tuple[str, Row]],
    values: Sequence[tuple[str, Row]] = (),
    against: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Collect (file name, metrics) into {"columns": [...], "rows": [...]}, ready for JSON.

    A column: see `RunTable`. A row: {"run", "scope", "baseline", "seeds", "values": {column key: {"mean", "sd",
    "by_seed"}}}, in percent (tau and rho from -1 to 1). `sd` is the sample standard deviation (n - 1), None for one
    seed; a value that a seed lacks is None in `by_seed`.

    With `values` (what `score --per-query` wrote) a value has "interval": 95 %, bootstrap over queries of the mean over
    seeds. With `against`, a run, there are "tests" of every other run: {"run", "against", "scope", "column",
    "difference", "over_seeds": {"n", "p"}, "over_scopes": {"n", "p"}, "over_queries": {"n", "p", "interval"}}: paired t
    test over the seeds that both have (in a row of means also over the scopes), paired permutation test over queries.

    Raises:
        UserError: files that do not fit together (`collect`), values of different queries, or `against` is no run.
    """
    table = read_table(metrics)
    each = _read_values(values)
    rows = []
    for run, scope in table.order():
        cell = run, scope
        found = {key: _aggregate(numbers) for key, numbers in table.values[cell].items()}
        for key, interval in _find_intervals(each.get(cell, {}), table.seeds[cell], seed).items():
            value = found.get(key)
            if value is not None:
                value["interval"] = interval
        about = {"run": run, "scope": scope, "baseline": table.is_baseline(run), "seeds": table.seeds[cell]}
        rows.append({**about, "values": found})
    summary: dict[str, Any] = {"columns": table.columns, "rows": rows}
    if against is not None:
        runs = sorted({run for run, _ in table.values})
        if against not in runs:
            raise UserError(f"--against {against}: no such run; there are {', '.join(runs)}")
        summary["tests"] = [
            test
            for run, scope in table.order()
            if run != against and run not in table.references and (against, scope) in table.values
            for test in _test(table, (run, scope), against, each, seed)
        ]
    return summary


def _aggregate(values: list[float | None]) -> dict[str, Any] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = round(statistics.stdev(known), 4) if len(known) > 1 else None
    return {"mean": round(statistics.fmean(known), 4), "sd": sd, "by_seed": values}


def _read_values(files: Sequence[tuple[str, Row]]) -> dict[Cell, Each]:
    result: dict[Cell, Each] = {}
    first: dict[str, tuple[str, list[Qid]]] = {}
    for cell, seeds in collect(files, "values").items():
        result[cell] = {}
        for seed, content in seeds.items():
            what = f"values of run {cell[0]}, scope {cell[1]}, seed {seed}"
            qids, columns = content.get("qids"), content["values"].values()
            if not isinstance(qids, list) or any(not isinstance(c, list) or len(c) != len(qids) for c in columns):
                raise UserError(f"{what}: needs 'qids' and as many values for each key")
            order = sorted(range(len(qids)), key=lambda index: str(qids[index]))
            ordered = [qids[index] for index in order]
            other, wanted = first.setdefault(cell[1], (what, ordered))
            if ordered != wanted:
                raise UserError(f"{what}: not the queries of the {other}")
            arrays = {key: np.array(column, dtype=float)[order] for key, column in content["values"].items()}
            result[cell][seed] = ordered, arrays
    return result


def _find_intervals(each: Each, seeds: Sequence[Any], seed: int) -> dict[str, list[float]]:
    """Interval of every key, of the mean over seeds of each query; nothing unless all seeds have values."""
    if not each or any(one not in each for one in seeds):
        return {}
    means = {key: _mean_over_seeds(each, key) for key in next(iter(each.values()))[1] if key in COLUMNS}
    means = {key: mean for key, mean in means.items() if not np.isnan(mean).all()}
    if not means:
        return {}
    intervals = bootstrap_means(np.column_stack(list(means.values())), seed)
    return {key: [round(float(end), 4) for end in ends] for key, ends in zip(means, intervals, strict=True)}


def _mean_over_seeds(each: Each, key: str) -> Floats:
    mean: Floats = np.mean([arrays[key] for _, arrays in each.values()], axis=0)
    return mean


def _test(table: RunTable, cell: Cell, against: str, each: Mapping[Cell, Each], seed: int) -> list[dict[str, Any]]:
    run, scope = cell
    other = against, scope
    tests = []
    for key in table.values[cell]:
        mine, theirs = table.mean(cell, key), table.mean(other, key)
        if mine is None or theirs is None:
            continue
        test = {"run": run, "against": against, "scope": scope, "column": key, "difference": round(mine - theirs, 4)}
        by_seed = [(table.of_seed(cell, key, one), table.of_seed(other, key, one)) for one in table.seeds[cell]]
        test["over_seeds"] = _test_pairs(by_seed)
        if cell in table.scopes and table.scopes[cell] == table.scopes[other]:
            scopes = table.scopes[cell]
            test["over_scopes"] = _test_pairs(
                [(table.mean((run, one), key), table.mean((against, one), key)) for one in scopes]
            )
        if cell in each and other in each and key in next(iter(each[cell].values()))[1]:
            gain = _mean_over_seeds(each[cell], key) - _mean_over_seeds(each[other], key)
            gain = gain[~np.isnan(gain)]
            if len(gain):
                interval = bootstrap_means(gain[:, None], seed)[0]
                test["over_queries"] = {
                    "n": len(gain),
                    "p": permute_signs(gain, seed),
                    "interval": [round(float(end), 4) for end in interval],
                }
        tests.append(test)
    return tests


def _test_pairs(pairs: Sequence[tuple[float | None, float | None]]) -> dict[str, Any]:
    change = np.array([mine - theirs for mine, theirs in pairs if mine is not None and theirs is not None])
    return {"n": len(change), "p": compare_t(change)}
