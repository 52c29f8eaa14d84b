"""Summary of runs, seeds and domains: mean and spread, intervals over queries, paired tests against a run."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from cli import UserError
from eval.metrics_files import read_named
from eval.significance import average_seeds, bootstrap_means, compare_t, permute_signs
from eval.study.files import Cell, collect
from eval.study.query_values import QueryValues, read_values
from eval.study.run_table import COLUMNS, RunTable, read_table
from formats.rows import Row

_log = logging.getLogger(__name__)
FEW = 10
"""Fewer queries than this may get equal scores from two networks."""


def summarise_files(
    metrics: Sequence[Path], values: Sequence[Path] = (), against: str | None = None, seed: int = 0
) -> dict[str, Any]:
    """Apply `summarise` to files of `score` and `tvsum`, and of `score --per-query`."""
    return summarise(read_named(metrics), read_named(values), against, seed)


def summarise(
    metrics: Sequence[tuple[str, Row]],
    values: Sequence[tuple[str, Row]] = (),
    against: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Collect (file name, metrics) into {"columns": [...], "rows": [...]}, ready for JSON.

    Columns are described in `RunTable`. A row: {"run", "scope", "baseline", "seeds", "coverage", "labelled", "values":
    {column key: {"mean", "sd", "by_seed"}}}, in percent (tau and rho from -1 to 1). `sd` is the sample standard
    deviation (n - 1), None for one seed; `by_seed` has None for a seed without the value. `coverage` is None, or
    {"queries": n, "of": N} if a run was scored over a part of the queries: its numbers cannot be compared with those
    over all. `labelled` is None, or {"moments": n, "highlights": m, "of": N} if some queries have no labels.

    With `values` (files of `score --per-query`) each value also has "interval": a 95 % bootstrap interval over queries
    of the mean over the same seeds, if all of them have values. With `against` (a run) the summary has "tests" of every
    other run: {"run", "against", "scope", "column", "difference", "over_seeds": {"n", "p"}, "over_scopes": {"n", "p"},
    "over_queries": {"n", "p", "interval"}}: a paired t test over the seeds that both have (in a row of means also over
    the scopes), and a paired permutation test over queries. Only runs scored over the same queries as `against` are
    tested (`_are_comparable`).

    Raises:
        UserError: files are malformed or do not match (`collect`, `read_values`), `metrics` is empty, or no run has
            the name `against`.
    """
    if not metrics:
        raise UserError("no metrics files given")
    cells = collect(metrics, "brief")
    table = read_table(cells)
    each = read_values(values, cells)
    _warn_of_equal_seeds(each)
    rows = []
    for run, scope in table.order():
        cell = run, scope
        found = {key: average_seeds(numbers) for key, numbers in table.values[cell].items()}
        for key, interval in _find_intervals(each.get(cell), table, cell, seed).items():
            value = found[key]
            if value is not None:
                value["interval"] = interval
        part = table.coverage.get(cell)
        rows.append(
            {
                "run": run,
                "scope": scope,
                "baseline": table.is_baseline(run),
                "seeds": table.seeds[cell],
                "coverage": {"queries": part[0], "of": part[1]} if part else None,
                "labelled": table.labelled.get(cell),
                "values": found,
            }
        )
    summary: dict[str, Any] = {"columns": table.columns, "rows": rows}
    if against is not None:
        runs = sorted({run for run, _ in table.values})
        if against not in runs:
            raise UserError(f"--against {against}: no such run, choose from {', '.join(runs)}")
        summary["tests"] = [
            test
            for run, scope in table.order()
            if run != against and run not in table.references and (against, scope) in table.values
            if _are_comparable(table, (run, scope), (against, scope), each)
            for test in _test(table, (run, scope), against, each, seed)
        ]
    return summary


def _warn_of_equal_seeds(each: Mapping[Cell, QueryValues]) -> None:
    """Name in the log seeds whose scores are equal for every query: a loop over seeds may score one file again and
    again, and the table shows only their mean, with a spread that is too small.
    """
    for (run, scope), values in each.items():
        for (one, mine), (other, theirs) in combinations(values.by_seed.items(), 2):
            same = mine.keys() == theirs.keys() and all(
                np.array_equal(mine[key], theirs[key], equal_nan=True) for key in mine
            )
            if same and len(values.qids) >= FEW:
                _log.warning(
                    "note: run %s, scope %s: seeds %s and %s have the same score for every query: the predictions of"
                    " one seed, scored twice?",
                    run, scope, one, other,
                )  # fmt: skip
                break


def _are_comparable(table: RunTable, cell: Cell, other: Cell, each: Mapping[Cell, QueryValues]) -> bool:
    """Whether two runs of a scope were scored over the same queries, judging by the files.

    Two runs that cover equally many of the queries may cover different ones: only their values per query show that.
    """
    if cell in table.scopes or other in table.scopes:
        return table.scopes.get(cell) == table.scopes.get(other) and all(
            _are_comparable(table, (cell[0], scope), (other[0], scope), each) for scope in table.scopes[cell]
        )
    if table.coverage.get(cell) != table.coverage.get(other) or table.labelled.get(cell) != table.labelled.get(other):
        return False
    if cell in each and other in each:
        return each[cell].qids == each[other].qids
    sizes = {table.sizes.get(cell), table.sizes.get(other)} - {None}
    return cell not in table.coverage and len(sizes) < 2


def _find_intervals(each: QueryValues | None, table: RunTable, cell: Cell, seed: int) -> dict[str, list[float]]:
    """Interval of every key, from the means of each query over the same seeds; none unless all seeds have values."""
    if each is None:
        return {}
    means = {
        key: mean
        for key in table.values[cell]
        if key in COLUMNS and (mean := each.mean(key, table.seeds_with(cell, key))) is not None
    }
    if not means:
        return {}
    intervals = bootstrap_means(np.column_stack(list(means.values())), seed)
    return {key: [round(float(end), 4) for end in ends] for key, ends in zip(means, intervals, strict=True)}


def _test(
    table: RunTable, cell: Cell, against: str, each: Mapping[Cell, QueryValues], seed: int
) -> list[dict[str, Any]]:
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
        over_queries = _test_queries(table, (cell, other), key, each, seed)
        if over_queries is not None:
            test["over_queries"] = over_queries
        tests.append(test)
    return tests


def _test_queries(
    table: RunTable, cells: tuple[Cell, Cell], key: str, each: Mapping[Cell, QueryValues], seed: int
) -> dict[str, Any] | None:
    """Test the first minus the second by query; None unless both have values of the same queries."""
    if not all(cell in each for cell in cells) or each[cells[0]].qids != each[cells[1]].qids:
        return None
    mine, theirs = (each[cell].mean(key, table.seeds_with(cell, key)) for cell in cells)
    if mine is None or theirs is None:
        return None
    gain = mine - theirs
    gain = gain[~np.isnan(gain)]
    if not len(gain):
        return None
    interval = bootstrap_means(gain[:, None], seed)[0]
    return {
        "n": len(gain),
        "p": permute_signs(gain, seed),
        "interval": [round(float(end), 4) for end in interval],
    }


def _test_pairs(pairs: Sequence[tuple[float | None, float | None]]) -> dict[str, Any]:
    change = np.array([mine - theirs for mine, theirs in pairs if mine is not None and theirs is not None])
    return {"n": len(change), "p": compare_t(change)}
