"""Table of TVSum scores by domain over runs and seeds: best and last epoch, chance, human and best possible scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli import UserError
from eval.markup import NONE, NOT_COMPARABLE, PARTIAL, markdown_table, markdown_text, show_number, show_spread
from eval.metrics_files import Coverage, Numbers, RatedDomains, check_shape, read_named
from eval.significance import average_seeds
from eval.tvsum.scores import EPOCHS, REFERENCES
from eval.tvsum.videos import MEAN, render_coverage
from formats.rows import Row

DIGITS = {"mAP": 1, "tau": 3, "rho": 3, "F1": 1}

Means = dict[str, Numbers]
"""By metric, then by domain."""


def tabulate_files(scores: Sequence[Path]) -> dict[str, Any]:
    """Apply `make_table` to files of `tvsum`."""
    return make_table(read_named(scores))


def make_table(files: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    """Collect (file name, content) of files of `tvsum --run`, one per run and seed, into {"domains", "rows"} for JSON.

    A row: {"run", "epoch", "seeds", "coverage", "values": {metric: {domain or "mean": {"mean", "sd", "by_seed"}}}};
    references have no epoch and no seeds. `sd` is the sample standard deviation, None for one seed.

    Raises:
        UserError: a file is of another kind, two files have the same run and seed, or files cover different videos.
    """
    if not files:
        raise UserError("no files of `tvsum` given")
    what = "not a file of `tvsum --run NAME`: "
    read = [(name, check_shape(RatedDomains, content, name, what)) for name, content in files]
    first_name, first = read[0]
    references = {row: means for row, means in first.rows.items() if row in REFERENCES}
    groups: dict[tuple[str, str], dict[int | None, tuple[Means, Coverage | None]]] = {}
    for name, scores in read:
        if {row: means for row, means in scores.rows.items() if row in REFERENCES} != references:
            raise UserError(
                f"{name}: covers other videos than {first_name} (the reference rows differ):"
                " make one table per set of domains"
            )
        for epoch in (epoch for epoch in EPOCHS if epoch in scores.rows):
            seeds = groups.setdefault((scores.about.run, epoch), {})
            if scores.about.seed in seeds:
                raise UserError(f"{name}: run {scores.about.run}, seed {scores.about.seed} is also in another file")
            seeds[scores.about.seed] = scores.rows[epoch], scores.about.coverage
    rows: list[dict[str, Any]] = []
    for (run, epoch), seeds in groups.items():
        partial = next((part for _, part in seeds.values() if part and part.queries != part.of), None)
        coverage = partial.model_dump(exclude_none=True) if partial else None
        values = _join([means for means, _ in seeds.values()])
        rows.append({"run": run, "epoch": epoch, "seeds": list(seeds), "coverage": coverage, "values": values})
    for reference, means in references.items():
        rows.append({"run": reference, "epoch": None, "seeds": [], "coverage": None, "values": _join([means])})
    domains = [domain for domain in next(iter(rows[-1]["values"].values())) if domain != MEAN]
    return {"domains": domains, "rows": rows}


def render_markdown(table: dict[str, Any]) -> str:
    """Render mAP by domain, its mean ± deviation over seeds, and the means of the other metrics over domains."""
    others = [key for key in ("tau", "rho", "F1") if any(key in row["values"] for row in table["rows"])]
    heads = ["Run", "Epoch", "Seeds", *map(markdown_text, table["domains"]), MEAN, *others]
    rows = []
    for row in table["rows"]:
        reference = row["epoch"] is None
        run = markdown_text(row["run"])
        name = f"*{run}*" if reference else run + (f" {PARTIAL}" if row["coverage"] else "")
        epoch = NONE if reference else row["epoch"].removesuffix(" epoch")
        scores = row["values"].get("mAP", {})
        means = [(scores.get(domain) or {}).get("mean") for domain in table["domains"]]
        cells = [show_number(mean, DIGITS["mAP"]) for mean in means]
        cells += [show_spread(row["values"].get(key, {}).get(MEAN), DIGITS[key]) for key in ("mAP", *others)]
        rows.append([name, epoch, str(len(row["seeds"])) if row["seeds"] else NONE, *cells])
    lines = [
        "# TVSum, top-5 mAP",
        "",
        "mAP by domain in percent, mean over seeds (± standard deviation); tau, rho and F1 are means over domains."
        " The best epoch was chosen on the videos that it is scored on: the last epoch is the fair row.",
        "",
        *markdown_table(heads, "ll" + "r" * (len(heads) - 2), rows),
    ]
    for row in table["rows"]:
        if part := row["coverage"]:
            what = f"{markdown_text(row['run'])}: {render_coverage(part, 'videos')}, {NOT_COMPARABLE}"
            lines += ["", f"{PARTIAL} {what}."]
    return "\n".join(lines) + "\n"


def _join(seeds: Sequence[Means]) -> dict[str, dict[str, dict[str, Any] | None]]:
    """Mean over seeds by metric and domain."""
    return {
        key: {domain: average_seeds([means.get(key, {}).get(domain) for means in seeds]) for domain in domains}
        for key, domains in seeds[0].items()
    }
