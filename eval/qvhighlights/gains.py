"""Comparison of two prediction files query by query: where the second gains and where it loses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cli import UserError
from eval.qvhighlights.queries import Queries, read_queries
from eval.qvhighlights.score import score_each
from eval.significance import bootstrap_means, permute_signs
from formats.rows import read_rows

METRIC = "MR-full-mAP"


def compare_files(
    first: Path,
    second: Path,
    ground_truth: Path,
    *,
    names: Sequence[str] | None = None,
    metric: str | None = None,
    most: int = 20,
    seed: int = 0,
    as_listed: bool = False,
) -> dict[str, Any]:
    """Apply `compare` to two files of submission rows.

    `names`: names of the two files; their paths by default. `as_listed`: accept windows that are not sorted by score.
    """
    truth = read_rows(ground_truth)
    one, other = (
        read_queries(read_rows(path), truth, (str(path), str(ground_truth)), as_listed) for path in (first, second)
    )
    before, after = names or (str(first), str(second))
    return compare(one, other, (before, after), metric, most, seed)


def compare(
    first: Queries, second: Queries, names: tuple[str, str], metric: str | None = None, most: int = 20, seed: int = 0
) -> dict[str, Any]:
    """Compare the values of each query, second minus first; percent.

    {"names", "metric", "metrics": {key: {"first", "second", "difference", "interval", "p", "queries", "better",
    "worse"}}, "best": [qid ...], "worst": [...], "queries": [{"qid", "query", "vid", "difference", "values": {key:
    [first, second]}}]}. `interval` is a 95 % bootstrap interval of the mean difference and `p` the p-value of a paired
    permutation test, both over queries. `best` and `worst` are up to `most` queries with the largest gain and loss in
    `metric`; `queries` are sorted from gain to loss in it, those without a value last.

    Raises:
        UserError: the two have no metric in common, or `metric` is not in both.
    """
    place = {qid: index for index, qid in enumerate(second.qids)}
    before, other = score_each(first), score_each(second)
    places = [place[qid] for qid in first.qids]
    after = {key: values[places] for key, values in other.items()}
    keys = [key for key in before if key in after]
    if metric is None:
        metric = METRIC if METRIC in keys else next(iter(keys), None)
    change = {key: after[key] - before[key] for key in keys}
    counted = [key for key in keys if not np.isnan(change[key]).all()]
    if not counted:
        raise UserError(f"{names[0]} and {names[1]}: no metric in common: both need windows, or both need saliency")
    if metric not in counted:
        raise UserError(
            f"{names[0]} and {names[1]}: metric {metric!r} is not in both: choose from {', '.join(counted)}"
        )

    table = np.column_stack([change[key] for key in counted])
    intervals = dict(zip(counted, bootstrap_means(table, seed), strict=True))
    metrics = {}
    for key in counted:
        known = ~np.isnan(change[key])
        differences = change[key][known]
        metrics[key] = {
            "first": round(float(before[key][known].mean()), 4),
            "second": round(float(after[key][known].mean()), 4),
            "difference": round(float(differences.mean()), 4),
            "interval": [round(float(end), 4) for end in intervals[key]],
            "p": permute_signs(differences, seed),
            "queries": len(differences),
            "better": int((differences > 0).sum()),
            "worse": int((differences < 0).sum()),
        }
    # NaN sorts last; equal queries keep their order.
    order = np.argsort(-change[metric], kind="stable")
    gains = [first.qids[index] for index in order if change[metric][index] > 0]
    losses = [first.qids[index] for index in order[::-1] if change[metric][index] < 0]
    return {
        "names": list(names),
        "metric": metric,
        "metrics": metrics,
        "best": gains[:most],
        "worst": losses[:most],
        "queries": [
            {
                "qid": first.qids[index],
                "query": first.rows[index].get("query"),
                "vid": first.rows[index].get("vid"),
                "difference": _number(change[metric][index]),
                "values": {key: [_number(before[key][index]), _number(after[key][index])] for key in keys},
            }
            for index in order
        ],
    }


def describe_change(result: dict[str, Any]) -> str:
    """Summarise the result of `compare` for its metric in one line."""
    total = result["metrics"][result["metric"]]
    low, high = total["interval"]
    return (
        f"{result['metric']}: {total['first']:.2f} -> {total['second']:.2f} ({total['difference']:+.2f},"
        f" 95 % interval {low:.2f} to {high:.2f}); better in {total['better']} of {total['queries']} queries,"
        f" worse in {total['worse']}"
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
