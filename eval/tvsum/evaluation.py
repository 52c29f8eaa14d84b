"""Evaluation of TVSum or YouTube Highlights predictions, next to references that need no predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import UserError
from eval.markup import NOT_COMPARABLE
from eval.tvsum.scores import (
    EPOCHS,
    SHOWN_REFERENCES,
    find_oddities,
    read_scores,
    score_predictions,
    score_references,
)
from eval.tvsum.videos import describe_coverage, leave_out, read_videos, render_coverage
from formats.annotations import index_by_vid, index_truth, select_domains
from formats.rows import Row, iterate_rows, read_rows


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate_files`."""

    metrics: dict[str, Any]
    """{"brief": {"mAP-best": ..}, "rows": {"best epoch": {"mAP": {domain or "mean": ..}}}, "references", "about"}."""
    notes: list[str]
    """Lines for the log: partial coverage, odd input, and the mean scores."""


def evaluate_files(
    ground_truth: Path,
    *,
    best: Sequence[Path] = (),
    last: Sequence[Path] = (),
    predictions: Sequence[Path] = (),
    segments: Path | None = None,
    domains: Sequence[str] = (),
    covered_only: bool = False,
    benchmark: str = "tvsum",
    chance_seed: int = 0,
    about: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Score files of submission rows by domain against TVSum rows with `label` and `domain` (JSON lines).

    Args:
        ground_truth: the annotated videos.
        best: predictions of the best epoch; several files, such as one per domain, are joined.
        last: predictions of the last epoch.
        predictions: predictions of no particular epoch. Without any predictions, only the references are scored.
        segments: rows {"vid", "segments": [[start s, end s], ...]}, for the F1 of summaries.
        domains: score only the videos of these domains.
        covered_only: score only the videos that have predictions, and record this in "about".
        benchmark: "tvsum" or "youtube".
        chance_seed: seed of the random rankings.
        about: origin of the metrics, for `summarise` and `tvsum-table`: "run", "scope", "seed".

    Raises:
        UserError: a file is malformed, predictions are for other videos, or the scope is only one of several `domains`.
    """
    name, described = str(ground_truth), dict(about or {})
    every = read_rows(ground_truth)
    whole, truth = _choose_videos(every, domains, described.get("scope"), name)
    borders = index_by_vid(read_rows(segments), str(segments)) if segments else None
    files = {label: paths for label, paths in zip(EPOCHS, (best, last, predictions), strict=True) if paths}
    given = {label: [row for path in paths for _, row in iterate_rows(path)] for label, paths in files.items()}
    if covered_only:
        truth = _choose_covered(given, truth, next((path for paths in files.values() for path in paths), None))
    coverage = describe_coverage(truth, whole)
    partial = len(truth) < len(whole)
    notes = []
    if "without" in coverage or partial:
        notes.append(f"note: {render_coverage(coverage, 'videos')}, {NOT_COMPARABLE}")
    videos = read_videos(truth, borders, (name, str(segments)))
    rows, brief = {}, {}
    for label, listed in given.items():
        what = ", ".join(map(str, files[label]))
        kept = leave_out(listed, every, truth)
        if len(kept) < len(listed):
            left_out = f"{len(listed) - len(kept)} of {len(listed)} rows belong to other domains and are left out"
            notes.append(f"note: {what}: {left_out}")
        scores = read_scores(kept, truth, (what, name))
        rows[label] = score_predictions(scores, videos, benchmark, what)
        notes += [f"note: {line}" for line in find_oddities(scores, videos, what, benchmark)]
        brief.update({f"{key}{EPOCHS[label]}": means["mean"] for key, means in rows[label].items()})
        notes.append(f"{label}: " + ", ".join(f"{key} {means['mean']}" for key, means in rows[label].items()))
    references = score_references(videos, chance_seed, benchmark)
    shown = {row: references[row] for row in SHOWN_REFERENCES if row in references}
    metrics: dict[str, Any] = {
        "brief": brief,
        "rows": rows | references,
        "references": {row: {key: part["mean"] for key, part in parts.items()} for row, parts in shown.items()},
    }
    if described:
        described["queries"] = len(videos)
        if covered_only or partial:
            described["coverage"] = coverage
        metrics["about"] = described
    return Evaluation(metrics, notes)


def _choose_videos(
    every: list[Row], domains: Sequence[str], scope: str | None, name: str
) -> tuple[list[Row], list[Row]]:
    """The videos of a full evaluation, and those to score.

    For a model of one domain, that domain is the full set; otherwise the whole file is, and anything less is partial.
    """
    alone = scope is not None and scope in domains
    if alone and set(domains) != {scope}:
        others = ", ".join(sorted(set(domains) - {str(scope)}))
        raise UserError(f"--scope: {scope} is one domain, but --domain names {others} as well")
    if not domains:
        return every, every
    index_truth(every, name)
    truth = select_domains(every, domains, name)
    return (truth if alone else every), truth


def _choose_covered(given: Mapping[str, Sequence[Row]], truth: list[Row], first: Path | None) -> list[Row]:
    """The rows with a prediction. Messages name the `first` prediction file."""
    if first is None:
        raise UserError("--covered-only: needs predictions (--best, --last or --predictions)")
    predicted = {row.get("qid") for rows in given.values() for row in rows}
    covered = [row for row in truth if row.get("qid") in predicted]
    if not covered:
        raise UserError(f"{first}: no prediction for any of {len(truth)} videos")
    return covered
