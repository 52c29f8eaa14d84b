"""Values of metrics files by run, scope and seed: the numbers behind a summary."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli import UserError
from eval import MEAN_SCOPE
from eval.study.files import Cell, Cells
from formats.rows import Row

# Key in "brief" and column heading; columns without values are left out. Keys of TVSum files include the epoch.
COLUMNS = {
    "MR-full-R1@0.5": "R1@0.5",
    "MR-full-R1@0.7": "R1@0.7",
    "MR-full-mAP": "mAP avg",
    "HL-min-VeryGood-mAP": "HL-mAP",
    "HL-min-VeryGood-Hit1": "HIT@1",
    **{
        f"{key}{epoch}": f"{label}{said}"
        for epoch, said in (("", ""), ("-last", " (last epoch)"), ("-best", " (best epoch)"))
        for key, label in (("mAP", "top-5 mAP"), ("tau", "tau"), ("rho", "rho"), ("F1", "F1"))
    },
}
# Correlations are small numbers from -1 to 1, so they get one more digit.
DIGITS = {key: 3 for key in COLUMNS if key.startswith(("tau", "rho"))}
SUBSET_COLUMN = ("MR-full-R1@0.5", "R1@0.5")
# A run with one of these names is chance, not a model: it comes last and is drawn as a reference.
BASELINES = ("random", "baseline")


@dataclass(frozen=True)
class RunTable:
    """Values of every run, scope and seed."""

    columns: list[dict[str, Any]]
    """{"key", "label", "subset" (None or "modality=audio"), "queries" (of the subset, None where files differ)}"""
    values: dict[Cell, dict[str, list[float | None]]] = field(default_factory=dict)
    """For each column key one value per seed, None if the seed has no value."""
    seeds: dict[Cell, list[Any]] = field(default_factory=dict)
    scopes: dict[Cell, list[str]] = field(default_factory=dict)
    """For each row of means, the scopes that it averages."""
    coverage: dict[Cell, tuple[int, int]] = field(default_factory=dict)
    """For runs scored over a part of the queries: (queries scored, queries of the ground truth)."""
    labelled: dict[Cell, dict[str, int]] = field(default_factory=dict)
    """For runs whose ground truth has missing labels: number of queries per task, and total "of"."""
    sizes: dict[Cell, int | None] = field(default_factory=dict)
    """Number of queries scored, None if the files do not say."""
    references: set[str] = field(default_factory=set)
    """Rows that are not runs: chance, human and best possible scores."""

    def is_baseline(self, run: str) -> bool:
        """Whether a row is a baseline or reference rather than a model."""
        return run in BASELINES or run in self.references

    def order(self) -> list[Cell]:
        """Rows scope by scope, since numbers compare only within a scope; models as given, baselines last."""
        return sorted(
            self.values, key=lambda cell: (cell[1].startswith(MEAN_SCOPE), cell[1], self.is_baseline(cell[0]))
        )

    def of_seed(self, cell: Cell, key: str, seed: Any) -> float | None:
        """One value, None if it is missing."""
        return self.values[cell][key][self.seeds[cell].index(seed)] if seed in self.seeds[cell] else None

    def seeds_with(self, cell: Cell, key: str) -> list[Any]:
        """The seeds that have a value."""
        return [seed for seed, value in zip(self.seeds[cell], self.values[cell][key], strict=True) if value is not None]

    def mean(self, cell: Cell, key: str) -> float | None:
        """Mean over the seeds that have a value."""
        known = [value for value in self.values[cell][key] if value is not None]
        return statistics.fmean(known) if known else None


def read_table(cells: Cells) -> RunTable:
    """Build the table from the metrics files that `collect` grouped.

    A run with several scopes (domains) gets one more row, "mean of N": the mean over scopes for each seed that all
    scopes have.

    Raises:
        UserError: the seeds of a run cover different numbers of queries or labels.
    """
    contents = [record.content for seeds in cells.values() for record in seeds.values()]
    table = RunTable(_choose_columns(contents))
    for cell, seeds in cells.items():
        table.seeds[cell] = list(seeds)
        table.values[cell] = {
            column["key"]: [_read(record.content, column) for record in seeds.values()] for column in table.columns
        }
        first, *others = seeds.values()
        for record in others:
            for key in ("coverage", "labelled"):
                if getattr(record, key) != getattr(first, key):
                    raise UserError(
                        f"{record.name}: about.{key}: differs from {first.name}, another seed of the same run"
                    )
        if first.coverage is not None:
            table.coverage[cell] = first.coverage
        if first.labelled is not None:
            table.labelled[cell] = first.labelled
        table.sizes[cell] = first.queries
    _add_references(contents, table)
    _add_means(table)
    return table


def _choose_columns(contents: Sequence[Row]) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = [
        {"key": key, "label": label, "subset": None, "queries": None}
        for key, label in COLUMNS.items()
        if any(content["brief"].get(key) is not None for content in contents)
    ]
    key, label = SUBSET_COLUMN
    for subset in sorted({name for content in contents for name in content.get("subsets") or {}}):
        parts = [content["subsets"][subset] for content in contents if subset in (content.get("subsets") or {})]
        if any(part.get(key) is not None for part in parts):
            sizes = {part.get("queries") for part in parts}
            size = sizes.pop() if len(sizes) == 1 else None
            columns.append({"key": f"{subset}/{key}", "label": f"{label} {subset}", "subset": subset, "queries": size})
    return columns


def _read(content: Row, column: Mapping[str, Any]) -> float | None:
    subset = column["subset"]
    part = content["brief"] if subset is None else (content.get("subsets") or {}).get(subset, {})
    number: float | None = part.get(column["key"].rsplit("/", 1)[-1])
    return number


def _add_references(contents: Sequence[Row], table: RunTable) -> None:
    """Add a row for each of the "references" in metrics files; they depend on the annotations alone."""
    for content in contents:
        scope = str(content["about"].get("scope") or "all")
        for name, numbers in (content.get("references") or {}).items():
            if name in table.references or not any(run == name for run, _ in table.values):
                # The reference is the same for every epoch.
                table.values[name, scope] = {
                    column["key"]: [numbers.get(column["key"].partition("-")[0])] for column in table.columns
                }
                table.seeds[name, scope] = [None]
                table.references.add(name)


def _add_means(table: RunTable) -> None:
    for run in dict.fromkeys(run for run, _ in table.values):
        scopes = sorted(scope for other, scope in table.values if other == run and scope != "all")
        if len(scopes) < 2:
            continue
        seeds = [seed for seed in table.seeds[run, scopes[0]] if all(seed in table.seeds[run, s] for s in scopes)]
        cell = run, f"{MEAN_SCOPE} {len(scopes)}"
        means: dict[str, list[float | None]] = {}
        for key in table.values[run, scopes[0]]:
            lines = [[table.of_seed((run, scope), key, seed) for scope in scopes] for seed in seeds]
            known = [[number for number in line if number is not None] for line in lines]
            means[key] = [statistics.fmean(line) if len(line) == len(scopes) else None for line in known]
        table.values[cell], table.seeds[cell], table.scopes[cell] = means, seeds, scopes
        full = {scope: table.sizes.get((run, scope)) or 0 for scope in scopes}
        if any((run, scope) in table.coverage for scope in scopes):
            parts = [table.coverage.get((run, scope), (full[scope], full[scope])) for scope in scopes]
            table.coverage[cell] = sum(part for part, _ in parts), sum(of for _, of in parts)
        if any((run, scope) in table.labelled for scope in scopes):
            counts = [table.labelled.get((run, scope), {}) for scope in scopes]
            table.labelled[cell] = {
                half: sum(count.get(half, full[scope]) for scope, count in zip(scopes, counts, strict=True))
                for half in ("moments", "highlights", "of")
            }
