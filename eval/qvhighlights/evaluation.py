"""Evaluation of a prediction file: the official numbers, those of parts of the queries, and notes on odd input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import UserError
from eval.markup import NOT_COMPARABLE
from eval.parts import PartRules, select_parts
from eval.qvhighlights.queries import Queries, find_oddities, read_queries
from eval.qvhighlights.relabelled import score_relabelled
from eval.qvhighlights.score import as_lists, score_each, score_parts, score_queries
from eval.qvhighlights.variants import score_variants
from formats.rows import read_rows

HEADLINE = ("MR-full-R1@0.5", "MR-full-R1@0.7", "MR-full-mAP", "HL-min-VeryGood-mAP", "HL-min-VeryGood-Hit1")


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate_files`."""

    metrics: dict[str, Any]
    """The official keys, then "subsets", "variants", "relabelled" and "about" unless they are empty. Ready for JSON."""
    about: dict[str, Any]
    """The given "about", with "coverage" and "labelled" if queries or labels are missing."""
    queries: Queries
    """The queries that were scored."""
    notes: list[str]
    """Odd input that was scored as the official program scores it, one line per kind."""

    def list_values(self) -> dict[str, Any]:
        """Values per query for every key of "brief", ready for JSON: {"about", "qids", "values"}."""
        return {"about": self.about, "qids": self.queries.qids, "values": as_lists(score_each(self.queries))}

    def headline(self) -> str:
        """ "1550 queries: MR-full-R1@0.5 53.94, ..."."""
        brief = self.metrics["brief"]
        return f"{len(self.queries)} queries: " + ", ".join(f"{key} {brief[key]}" for key in HEADLINE if key in brief)


def evaluate_files(
    predictions: Path,
    ground_truth: Path,
    *,
    about: Mapping[str, Any] | None = None,
    parts: PartRules | None = None,
    variants: bool = False,
    as_listed: bool = False,
    covered_only: bool = False,
    relabelled: Sequence[Path] = (),
) -> Evaluation:
    """Score a file of submission rows against a file of QVHighlights rows (JSON lines).

    Args:
        predictions: the submission.
        ground_truth: its queries and their labels.
        about: origin of the metrics, for `summarise`: "run", "scope", "seed", "epoch".
        parts: parts of the queries to score as well, under "subsets".
        variants: add unofficial numbers (`score_variants`), also of the parts, under "variants" and its "subsets".
        as_listed: accept windows that are not sorted by score, as the official program does.
        covered_only: score only the queries that have predictions, and record this in "about".
        relabelled: further labels of some of the queries, by which these are scored too, under "relabelled".

    Raises:
        UserError: a file is malformed, the files hold different queries, or there is nothing to score.
    """
    names = str(predictions), str(ground_truth)
    truth = read_rows(ground_truth)
    predicted = read_rows(predictions)
    queries = read_queries(predicted, truth, names, as_listed, covered_only)
    metrics = score_queries(queries, names)
    left_out = {row["qid"] for row in truth}.difference(queries.qids)
    places = select_parts(queries.rows, parts or PartRules(), names[1], left_out)
    if places:
        metrics["subsets"] = score_parts(queries, places)
    if variants:
        metrics["variants"] = score_variants(queries)
        if places:
            metrics["variants"]["subsets"] = {name: score_variants(queries.take(part)) for name, part in places.items()}
    if relabelled:
        metrics["relabelled"] = {
            path.stem: score_relabelled(queries, predicted, path, names, as_listed) for path in relabelled
        }
        if len(metrics["relabelled"]) < len(relabelled):
            raise UserError(f"{relabelled[0]}: two files of second labels have the same name: rename one")
    described = dict(about or {})
    if covered_only:
        described["coverage"] = {"queries": len(queries), "of": len(truth)}
    labelled = queries.count_labelled()
    if labelled:
        described["labelled"] = labelled
    if described:
        metrics["about"] = {**described, "queries": len(queries)}
    notes = find_oddities(queries, names[0])
    if left_out:
        notes.append(f"{names[0]}: {len(queries)} of {len(truth)} queries, {NOT_COMPARABLE}")
    for half, key in (("moments", "relevant_windows"), ("highlights", "saliency_scores")):
        if labelled and labelled.get(half, len(queries)) < len(queries):
            count = f"{labelled[half]} of {len(queries)} queries have {key}"
            notes.append(f"{names[1]}: only {count}: {half} are scored over these alone")
    return Evaluation(metrics, described, queries, notes)
