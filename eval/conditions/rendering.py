"""A comparison under conditions as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from eval.markup import NONE, latex_text, markdown_table, show_spread
from eval.study.run_table import SUBSET_COLUMN

COMPARED = (SUBSET_COLUMN[0], "MR-full-mAP")
"""The metrics whose differences tables show; the CSV file has all."""
GATES = {"gate": "Gate", "auc": "AUC", "rho": "ρ"}
"""The numbers on gates that tables show; the CSV file has all."""


def render_markdown(result: dict[str, Any]) -> str:
    """Render one table: a line per condition, level and run; with what its columns mean, and what is missing."""
    heads, rows = _table(result, " ± ")
    labels = {condition["name"]: condition["label"] for condition in result["conditions"]}
    runs = ", ".join(f"{run['name']}: {run['label']}" for run in result["runs"] if run["label"])
    lines = [
        "# Runs under conditions",
        "",
        "Percent, mean ± standard deviation over seeds. Differences pair equal seeds; in brackets the 95 % interval of"
        " Student over seeds, not corrected for the number of comparisons. Gate: mean audio gate of videos with sound."
        " AUC: how often a video with informative sound has the higher gate (0.5: by chance). ρ: rank correlation of"
        " the gate with the share of clips (with a gate per clip: with the clips) in a moment asked for by sound.",
        "",
        *[f"- {name}: {label}" for name, label in labels.items()],
        *([f"- Runs: {runs}"] if runs else []),
        "",
        *markdown_table(heads, "lrlr" + "r" * (len(heads) - 4), rows, padded_rule=True),
    ]
    if result["missing"]:
        count = len(result["missing"])
        lines += ["", f"Without results yet: {count} files, such as {result['missing'][0]}."]
    return "\n".join(lines) + "\n"


def render_latex(result: dict[str, Any]) -> str:
    """Render a `tabular` for \\input, with booktabs rules."""
    heads, rows = _table(result, " $\\pm$ ")
    lines = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{lrl{'r' * (len(heads) - 3)}}}",
        "\\toprule",
        " & ".join(latex_text(head).replace("ρ", "$\\rho$").replace("−", "$-$") for head in heads) + " \\\\",
        "\\midrule",
    ]
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None and before[0] != row[0]:
            lines.append("\\midrule")
        # Numbers hold no character of LaTeX but the plus-minus sign's.
        cells = [*map(latex_text, row[:3]), *(cell.replace(NONE, "--").replace("−", "$-$") for cell in row[3:])]
        lines.append(" & ".join(cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def render_csv(result: dict[str, Any]) -> str:
    """Render one line per condition, level, run and number; differences have the run that they are against."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["condition", "level", "run", "number", "against", "seeds", "mean", "sd", "low", "high", "p"]
    writer.writerow([*heads, "low_queries", "high_queries"])
    for row in result["rows"]:
        place = [row["condition"], f"{row['level']:g}", row["run"]]
        for kind in ("values", "gates"):
            for key, value in row[kind].items():
                if value is not None:
                    count = sum(number is not None for number in value["by_seed"])
                    writer.writerow([*place, key, "", count, value["mean"], value["sd"], *[""] * 5])
        for other, found in row["differences"].items():
            for key, gain in found.items():
                low, high = gain["interval"] or ("", "")
                numbers = [len(gain["by_seed"]), gain["mean"], "", low, high, gain["p"], *gain["interval_queries"]]
                writer.writerow([*place, key, other, *numbers])
    return text.getvalue()


def _table(result: dict[str, Any], plus_minus: str) -> tuple[list[str], list[list[str]]]:
    measures = result["measures"]
    compared = [measure for measure in measures if measure["key"] in COMPARED]
    gated = [key for key in GATES if any(row["gates"][key] for row in result["rows"])]
    heads = ["Condition", "Level", "Run", "Seeds", *(measure["label"] for measure in measures)]
    heads += [f"{measure['label']} − {other}" for other in result["against"] for measure in compared]
    heads += [GATES[key] for key in gated]
    rows = []
    for row in result["rows"]:
        cells = [row["condition"], f"{row['level']:g}", row["run"], str(len(row["seeds"]))]
        cells += [show_spread(row["values"][measure["key"]], 1, plus_minus) for measure in measures]
        for other in result["against"]:
            gains = row["differences"].get(other, {})
            cells += [_show_gain(gains.get(measure["key"])) for measure in compared]
        rows.append(cells + [show_spread(row["gates"][key], 2, plus_minus) for key in gated])
    return heads, rows


def _show_gain(gain: dict[str, Any] | None) -> str:
    if gain is None:
        return NONE
    mean = _signed(gain["mean"])
    interval: Sequence[float] | None = gain["interval"]
    return mean if interval is None else f"{mean} [{', '.join(map(_signed, interval))}]"


def _signed(number: float) -> str:
    """A number with its sign and one decimal; zero has none."""
    text = f"{number:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")
