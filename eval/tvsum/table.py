"""TVSum by domain over runs and seeds: best and last epoch, beside chance, people and the ceiling."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli import UserError
from eval.markup import markdown_row
from eval.tvsum.scores import REFERENCES
from eval.tvsum.videos import MEAN, render_coverage
from formats.rows import Row

EPOCHS = ("best epoch", "last epoch", "predictions")
DIGITS = {"mAP": 1, "tau": 3, "rho": 3, "F1": 1}
DAGGER = "†"

# By metric, then by domain.
Means = dict[str, dict[str, Annotated[float, Field(allow_inf_nan=False)] | None]]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Coverage(_Shape):
    queries: int
    of: int
    without: list[str] | None = None


class _About(_Shape):
    run: Annotated[str, Field(min_length=1)]
    seed: int | None = None
    coverage: _Coverage | None = None


class _Scores(_Shape):
    about: _About
    rows: dict[str, Means]


def make_table(files: Sequence[tuple[str, Row]]) -> dict[str, Any]:
    """(file name, what `tvsum --run` wrote), a file a run and seed, as {"domains", "rows"}, ready for JSON.

    A row: {"run", "epoch", "seeds", "coverage", "values": {metric: {domain or "mean": {"mean", "sd", "by_seed"}}}};
    references have no epoch and no seeds. `sd` is the sample standard deviation, None for one seed.

    Raises:
        UserError: another kind of file, a run and seed twice, or files that are not about the same videos.
    """
    if not files:
        raise UserError("no files of `tvsum`")
    read = [(name, _check(name, content)) for name, content in files]
    first_name, first = read[0]
    references = {row: means for row, means in first.rows.items() if row in REFERENCES}
    groups: dict[tuple[str, str], dict[int | None, tuple[Means, _Coverage | None]]] = {}
    for name, scores in read:
        if {row: means for row, means in scores.rows.items() if row in REFERENCES} != references:
            raise UserError(
                f"{name}: not about the videos of {first_name}: chance and ceiling differ;"
                " make a table for each group of runs that has the same domains"
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
    """The table: mAP by domain, its mean ± deviation over seeds, and the other metrics' means over domains."""
    others = [key for key in ("tau", "rho", "F1") if any(key in row["values"] for row in table["rows"])]
    lines = [
        "# TVSum, top-5 mAP",
        "",
        "mAP by domain in percent, mean over seeds (± standard deviation); tau, rho and F1 are means over domains."
        " The best epoch was chosen on the videos that it is scored on: the last epoch is the fair row.",
        "",
        markdown_row(["Run", "Epoch", "Seeds", *table["domains"], MEAN, *others]),
        "|:--|:--|" + "--:|" * (len(table["domains"]) + 2 + len(others)),
    ]
    for row in table["rows"]:
        reference = row["epoch"] is None
        name = f"*{row['run']}*" if reference else row["run"] + (f" {DAGGER}" if row["coverage"] else "")
        epoch = "–" if reference else row["epoch"].removesuffix(" epoch")
        scores = row["values"].get("mAP", {})
        cells = [_render(scores.get(domain), "mAP", spread=False) for domain in table["domains"]]
        cells += [_render(row["values"].get(key, {}).get(MEAN), key, spread=True) for key in ("mAP", *others)]
        lines.append(markdown_row([name, epoch, str(len(row["seeds"])) if row["seeds"] else "–", *cells]))
    for row in table["rows"]:
        if part := row["coverage"]:
            what = f"{row['run']}: {render_coverage(part, 'videos')}, not comparable with full-set numbers"
            lines += ["", f"{DAGGER} {what}."]
    return "\n".join(lines) + "\n"


def _check(name: str, content: Row) -> _Scores:
    try:
        return _Scores.model_validate(content)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{name}: not a file of `tvsum --run NAME`: {key}: {first['msg']}") from None


def _join(seeds: Sequence[Means]) -> dict[str, dict[str, dict[str, Any] | None]]:
    """By metric and domain the mean over seeds."""
    joined: dict[str, dict[str, dict[str, Any] | None]] = {}
    for key in seeds[0]:
        joined[key] = {}
        for domain in seeds[0][key]:
            values = [means.get(key, {}).get(domain) for means in seeds]
            known = [value for value in values if value is not None]
            joined[key][domain] = {
                "mean": round(statistics.fmean(known), 4),
                "sd": round(statistics.stdev(known), 4) if len(known) > 1 else None,
                "by_seed": values,
            } if known else None  # fmt: skip
    return joined


def _render(value: dict[str, Any] | None, key: str, spread: bool) -> str:
    if value is None:
        return "–"
    deviation = f" ± {value['sd']:.{DIGITS[key]}f}" if spread and value["sd"] is not None else ""
    return f"{value['mean']:.{DIGITS[key]}f}{deviation}"
