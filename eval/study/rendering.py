"""A summary as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from eval.markup import (
    NONE,
    NOT_COMPARABLE,
    PARTIAL,
    latex_text,
    markdown_table,
    markdown_text,
    show_number,
    show_spread,
)
from eval.study.run_table import DIGITS

# Marks of rows with a note below the table, by the key that calls for the note, and their LaTeX forms.
MARKS = {"coverage": PARTIAL, "labelled": "‡"}
LATEX_MARKS = {PARTIAL: "$^\\dagger$", "‡": "$^\\ddagger$"}


def render_markdown(summary: dict[str, Any]) -> str:
    """Render the summary as a Markdown table, with a line explaining its numbers, and intervals and tests if any."""
    columns, several = summary["columns"], _has_scopes(summary)
    heads = ["Run", *(["Scope"] if several else []), "Seeds", *map(markdown_text, _headings(columns))]
    rows = []
    for row in summary["rows"]:
        name = markdown_text(row["run"])
        name = f"*{name} ({_what_baseline(row)})*" if row["baseline"] else name
        cells = [_render(row["values"][column["key"]], column["key"]) for column in columns]
        scope = [markdown_text(row["scope"])] if several else []
        rows.append([_mark(name, row), *scope, _seeds(row), *cells])
    lines = [
        "# Runs",
        "",
        "Percent, mean ± standard deviation over seeds (n - 1; none for one seed). HL-mAP and HIT@1 are those of"
        " VeryGood clips, R1 and mAP those of windows of any length. Random windows and scores are the floor.",
        "",
        *markdown_table(heads, "l" * (1 + several) + "r" * (len(columns) + 1), rows, padded_rule=True),
    ]
    for mark, note in find_notes(summary):
        lines += ["", f"{mark} {markdown_text(note)}."]
    return "\n".join([*lines, *_list_intervals(summary), *_list_tests(summary)]) + "\n"


def _list_intervals(summary: dict[str, Any]) -> list[str]:
    """Lines of the table of intervals; empty without intervals."""
    columns, several = summary["columns"], _has_scopes(summary)
    rows = []
    for row in summary["rows"]:
        for column in columns:
            value = row["values"][column["key"]]
            if value and "interval" in value:
                numbers = [show_number(number, 2) for number in (value["mean"], *value["interval"])]
                scope = [markdown_text(row["scope"])] if several else []
                name = _mark(markdown_text(row["run"]), row)
                rows.append([name, *scope, markdown_text(column["label"]), *numbers])
    if not rows:
        return []
    heads = ["Run", *(["Scope"] if several else []), "Metric", "Mean", "From", "To"]
    table = markdown_table(heads, "l" * (2 + several) + "rrr", rows, padded_rule=True)
    return ["", "95 % intervals, bootstrap over queries of the mean over seeds:", "", *table]


def _list_tests(summary: dict[str, Any]) -> list[str]:
    """Lines of the table of tests; empty without tests."""
    if not summary.get("tests"):
        return []
    labels = {column["key"]: column["label"] for column in summary["columns"]}
    rows = []
    for test in summary["tests"]:
        found = [_render_test(test.get(key)) for key in ("over_seeds", "over_scopes", "over_queries")]
        difference = f"{test['difference']:+.{DIGITS.get(test['column'], 2)}f}"
        names = map(markdown_text, (test["run"], test["scope"], labels[test["column"]]))
        rows.append([*names, difference, *found])
    heads = ["Run", "Scope", "Metric", "Difference", "p over seeds (n)", "p over scopes (n)", "p over queries (n)"]
    against = markdown_text(summary["tests"][0]["against"])
    what = f"Paired tests against {against}, two-sided p, not corrected for the number of tests:"
    return ["", what, "", *markdown_table(heads, "lllrrrr", rows, padded_rule=True)]


def render_latex(summary: dict[str, Any]) -> str:
    """Render the summary as a LaTeX `tabular` for \\input, with booktabs rules."""
    columns, several = summary["columns"], _has_scopes(summary)
    heads = ["Run", *(["Scope"] if several else []), "Seeds", *_headings(columns)]
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'l' if several else ''}{'r' * (len(columns) + 1)}}}",
        "\\toprule",
        " & ".join(map(latex_text, heads)) + " \\\\",
        "\\midrule",
    ]
    for row in summary["rows"]:
        name = f"\\emph{{{latex_text(row['run'])}}}" if row["baseline"] else latex_text(row["run"])
        name += "".join(LATEX_MARKS[mark] for mark in find_marks(row))
        cells = [_render(row["values"][column["key"]], column["key"], " $\\pm$ ") for column in columns]
        cells = [cell.replace(NONE, "--") for cell in cells]
        scope = [latex_text(row["scope"])] if several else []
        lines.append(" & ".join([name, *scope, _seeds(row).replace(NONE, "--"), *cells]) + " \\\\")
    lines.append("\\bottomrule")
    for mark, note in find_notes(summary):
        lines.append(f"\\multicolumn{{{len(heads)}}}{{l}}{{{LATEX_MARKS[mark]} {latex_text(note)}}} \\\\")
    return "\n".join([*lines, "\\end{tabular}"]) + "\n"


def render_csv(summary: dict[str, Any]) -> str:
    """Render one line per run, scope and column, with spread, interval and tests."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["run", "scope", "baseline", "metric", "subset", "seeds", "mean", "sd", "low", "high"]
    writer.writerow([*heads, "against", "difference", "p_seeds", "p_scopes", "p_queries", "covered", "of", "labelled"])
    tests = {(test["run"], test["scope"], test["column"]): test for test in summary.get("tests", [])}
    for row in summary["rows"]:
        for column in summary["columns"]:
            value = row["values"][column["key"]]
            if value is None:
                continue
            key = column["key"].rsplit("/", 1)[-1]
            count = sum(number is not None for number in value["by_seed"])
            known = [value["mean"], value["sd"], *value.get("interval", (None, None))]
            test = tests.get((row["run"], row["scope"], column["key"]), {})
            found = [(test.get(part) or {}).get("p") for part in ("over_seeds", "over_scopes", "over_queries")]
            line = [row["run"], row["scope"], row["baseline"], key, column["subset"], count, *known]
            part = row["coverage"] or {}
            covered = [part.get("queries"), part.get("of")]
            labelled = (row["labelled"] or {}).get("highlights" if key.startswith("HL-") else "moments")
            writer.writerow([*line, test.get("against"), test.get("difference"), *found, *covered, labelled])
    return text.getvalue()


def find_marks(row: dict[str, Any]) -> list[str]:
    """Marks to append to the name of a row."""
    return [mark for key, mark in MARKS.items() if row.get(key)]


def find_notes(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """(mark, note) of runs scored over a part of the queries, or with missing labels."""
    several = _has_scopes(summary)
    notes = []
    for row in summary["rows"]:
        name = row["run"] + (f", {row['scope']}" if several else "")
        if part := row.get("coverage"):
            note = f"{part['queries']} of {part['of']} queries, {NOT_COMPARABLE}"
            notes.append((MARKS["coverage"], f"{name}: {note}"))
        if counts := row.get("labelled"):
            halves = [f"{half} over {counts[half]}" for half in ("moments", "highlights") if half in counts]
            note = f"{' and '.join(halves)} of {counts['of']} queries, the others have no labels"
            notes.append((MARKS["labelled"], f"{name}: {note}"))
    return notes


def _has_scopes(summary: dict[str, Any]) -> bool:
    return len({row["scope"] for row in summary["rows"]}) > 1


def _what_baseline(row: dict[str, Any]) -> str:
    return "reference" if row["seeds"] == [None] else "chance"


def _seeds(row: dict[str, Any]) -> str:
    return NONE if row["baseline"] and row["seeds"] == [None] else str(len(row["seeds"]))


def _headings(columns: Sequence[dict[str, Any]]) -> list[str]:
    return [column["label"] + (f" (n={column['queries']})" if column["queries"] else "") for column in columns]


def _mark(name: str, row: dict[str, Any]) -> str:
    return name + "".join(f" {mark}" for mark in find_marks(row))


def _render(value: dict[str, Any] | None, key: str, plus_minus: str = " ± ") -> str:
    return show_spread(value, DIGITS.get(key, 2), plus_minus)


def _render_test(test: dict[str, Any] | None) -> str:
    if test is None:
        return NONE
    p = test["p"]
    return f"{NONE if p is None else '< 0.001' if p < 0.001 else f'{p:.3f}'} ({test['n']})"
