"""Many metrics files as one table: a row for each run and scope, the mean and spread over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from cli import UserError
from cli.files import Row

# Key in "brief" and heading. TVSum's files have `mAP` alone; a column that no file has is left out.
COLUMNS = {
    "MR-full-R1@0.5": "R1@0.5",
    "MR-full-R1@0.7": "R1@0.7",
    "MR-full-mAP": "mAP avg",
    "HL-min-VeryGood-mAP": "HL-mAP",
    "HL-min-VeryGood-Hit1": "HIT@1",
    "mAP": "top-5 mAP",
}
SUBSET_COLUMN = ("MR-full-R1@0.5", "R1@0.5")
# A run of one of these names is chance, not a model: it comes last and is drawn as a reference.
BASELINES = ("random", "baseline")


def summarise(metrics: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    """Collect (file name, metrics) into {"columns": [...], "rows": [...]}, ready for JSON.

    A column: {"key", "label", "subset" (None or "modality=audio"), "queries" (of the subset, None where files differ)}.
    A row: {"run", "scope", "baseline", "seeds", "values": {column key: {"mean", "sd", "by_seed"}}}, numbers in percent.
    `sd` is the sample standard deviation (n - 1), None for one seed; a value that a seed lacks is None in `by_seed`.

    Raises:
        UserError: a file does not say which run it is of, or two files are of the same run, scope and seed.
    """
    seen: dict[tuple[str, str, Any], str] = {}
    rows: dict[tuple[str, str], dict[Any, Row]] = {}
    for name, content in metrics:
        about, brief = content.get("about"), content.get("brief")
        if not isinstance(brief, dict):
            raise UserError(f"{name}: not a metrics file: has no 'brief'")
        if not isinstance(about, dict) or not about.get("run"):
            raise UserError(f"{name}: does not say which run it is of: score it with --run NAME")
        run, scope, seed = str(about["run"]), str(about.get("scope") or "all"), about.get("seed")
        if (run, scope, seed) in seen:
            raise UserError(f"{name}: run {run}, scope {scope}, seed {seed} is also in {seen[run, scope, seed]}")
        seen[run, scope, seed] = name
        rows.setdefault((run, scope), {})[seed] = content
    if not rows:
        raise UserError("no metrics files")

    columns = _choose_columns([content for _, content in metrics])
    # Scope by scope, since numbers compare only within one; within it models as given, chance last.
    ordered = sorted(rows, key=lambda name: (name[1], name[0] in BASELINES))
    return {
        "columns": columns,
        "rows": [
            {
                "run": run,
                "scope": scope,
                "baseline": run in BASELINES,
                "seeds": sorted(rows[run, scope], key=str),
                "values": {column["key"]: _aggregate(rows[run, scope], column) for column in columns},
            }
            for run, scope in ordered
        ],
    }


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


def _aggregate(by_seed: dict[Any, Row], column: dict[str, Any]) -> dict[str, Any] | None:
    key = column["key"].rsplit("/", 1)[-1]
    values = []
    for seed in sorted(by_seed, key=str):
        content = by_seed[seed]
        part = (
            content["brief"] if column["subset"] is None else (content.get("subsets") or {}).get(column["subset"], {})
        )
        values.append(part.get(key))
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = round(statistics.stdev(known), 4) if len(known) > 1 else None
    return {"mean": round(statistics.fmean(known), 4), "sd": sd, "by_seed": values}


def render_markdown(summary: dict[str, Any]) -> str:
    """The summary as a Markdown table, with a line that says what its numbers are."""
    several = len({row["scope"] for row in summary["rows"]}) > 1
    columns = summary["columns"]
    headings = [column["label"] + (f" (n={column['queries']})" if column["queries"] else "") for column in columns]
    lines = [
        "# Runs",
        "",
        "Percent, mean ± standard deviation over seeds (n - 1; none for one seed). HL-mAP and HIT@1 are those of"
        " VeryGood clips, R1 and mAP those of windows of any length. Random windows and scores are the floor.",
        "",
        _line(["Run", *(["Scope"] if several else []), "Seeds", *headings]),
        _line([":--", *([":--"] if several else []), *(["--:"] * (len(columns) + 1))]),
    ]
    for row in summary["rows"]:
        name = f"*{row['run']} (chance)*" if row["baseline"] else row["run"]
        cells = [_render(row["values"][column["key"]]) for column in columns]
        lines.append(_line([name, *([row["scope"]] if several else []), str(len(row["seeds"])), *cells]))
    return "\n".join(lines) + "\n"


def _render(value: dict[str, Any] | None) -> str:
    if value is None:
        return "–"
    return f"{value['mean']:.2f}" + (f" ± {value['sd']:.2f}" if value["sd"] is not None else "")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
