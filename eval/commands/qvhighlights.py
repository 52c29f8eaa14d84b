"""The verbs for QVHighlights: scores, chance, and two prediction files compared."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError, whole_number
from eval.commands.about import add_about, read_about
from formats.rows import read_rows, write_object, write_rows

# What a verb needs beyond this (NumPy, SciPy) is imported within it, so that help and errors come at once.
_log = logging.getLogger(__name__)
_whole = whole_number(0)
TRUTH = "ground truth, QVHighlights rows (JSONL)"


def score(arguments: argparse.Namespace) -> None:
    """Score predictions: the official QVHighlights evaluation.

    Writes the official keys (brief, HL-min-*, full, long, middle, short; percent). Under "subsets" come the brief
    metrics of parts: --by splits by the values of a key (the demo has modality, QVHighlights no such key),
    --where KEY=VALUE,KEY=LOW:HIGH selects by rules (keys of the ground truth or of --videos, and window_seconds,
    windows, words), --list FILE by query ids. --variants adds numbers
    that are not official. --run, --scope, --seed and --epoch go to "about", by which `summarise` puts runs together.
    --covered-only scores the queries that have predictions, says so in "about", and tables mark such a run.
    """
    from eval.parts import join_videos, select_listed, select_where, split_by
    from eval.qvhighlights.queries import find_oddities, read_queries
    from eval.qvhighlights.score import as_lists, score_each, score_parts, score_queries
    from eval.qvhighlights.variants import score_variants

    names = str(arguments.predictions), str(arguments.ground_truth)
    truth = read_rows(arguments.ground_truth)
    queries = read_queries(read_rows(arguments.predictions), truth, names, arguments.as_listed, arguments.covered_only)
    metrics = score_queries(queries, names)
    rows = queries.rows
    for path in arguments.videos:
        rows = join_videos(rows, read_rows(path), str(path))
    parts = split_by(rows, arguments.by, names[1])
    for rule in arguments.where:
        parts |= select_where(rows, rule, names[1])
    left_out = {row["qid"] for row in truth}.difference(queries.qids)
    for path in arguments.list:
        listed = select_listed(rows, path, names[1], left_out)
        if not parts.keys().isdisjoint(listed):
            raise UserError(f"{path}: another part is called {next(iter(listed))!r}: rename the file")
        parts |= listed
    if parts:
        metrics["subsets"] = score_parts(queries, parts)
    if arguments.variants:
        metrics["variants"] = score_variants(queries)
    about = read_about(arguments)
    if arguments.covered_only:
        about["coverage"] = {"queries": len(queries), "of": len(truth)}
    labelled = queries.count_labelled()
    if labelled:
        about["labelled"] = labelled
    if about:
        metrics["about"] = {**about, "queries": len(queries)}
    write_object(arguments.out, metrics)
    if arguments.per_query:
        values = as_lists(score_each(queries))
        write_object(arguments.per_query, {"about": about, "qids": queries.qids, "values": values})
    notes = find_oddities(queries, names[0])
    if left_out:
        notes.append(f"{names[0]}: {len(queries)} of {len(truth)} queries, not comparable with full-set numbers")
    for half, key in (("moments", "relevant_windows"), ("highlights", "saliency_scores")):
        if labelled and labelled.get(half, len(queries)) < len(queries):
            count = f"{labelled[half]} of {len(queries)} queries have {key}"
            notes.append(f"{names[1]}: {count}, {half} are scored over those")
    for note in notes:
        _log.warning("note: %s", note)
    shown = ("MR-full-R1@0.5", "MR-full-R1@0.7", "MR-full-mAP", "HL-min-VeryGood-mAP", "HL-min-VeryGood-Hit1")
    numbers = [f"{key} {metrics['brief'][key]}" for key in shown if key in metrics["brief"]]
    _log.info("%d queries: %s", len(queries), ", ".join(numbers))


def baseline(arguments: argparse.Namespace) -> None:
    """Write random predictions for a ground truth file: the floor of every metric.

    Ten random windows on the 2 s grid and random saliency for each query; the same seed gives the same file. Score
    them with --run random, and `summarise` shows them as chance.
    """
    from eval.qvhighlights.chance import predict_at_random

    rows = predict_at_random(read_rows(arguments.ground_truth), arguments.seed, str(arguments.ground_truth))
    write_rows(arguments.out, rows)


def compare(arguments: argparse.Namespace) -> None:
    """Compare two prediction files query by query: gains and losses of the second, best and worst queries first."""
    from eval.qvhighlights.comparison import compare
    from eval.qvhighlights.queries import read_queries

    truth, name = read_rows(arguments.ground_truth), str(arguments.ground_truth)
    first, second = (
        read_queries(read_rows(path), truth, (str(path), name), arguments.as_listed) for path in arguments.predictions
    )
    names = arguments.names or [str(path) for path in arguments.predictions]
    result = compare(first, second, (names[0], names[1]), arguments.metric, arguments.most, arguments.seed)
    write_object(arguments.out, result)
    total = result["metrics"][result["metric"]]
    _log.info(
        "%s: %.2f, then %.2f: %+.2f, 95 %% %.2f to %.2f; better in %d of %d queries, worse in %d",
        result["metric"], total["first"], total["second"], total["difference"], *total["interval"],
        total["better"], total["queries"], total["worse"],
    )  # fmt: skip


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("score", score)
    verb.add_argument("--predictions", type=Path, required=True, help="submission rows (JSONL)")
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_output("--out", required=True, help="metrics (JSON) to write")
    verb.add_output("--per-query", metavar="OUT", help="values of each query (JSON) to write as well")
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="also score the parts by these keys")
    verb.add_argument(
        "--where", nargs="+", default=[], metavar="RULE", help="also score what meets window_seconds=10:30,..."
    )
    verb.add_argument("--list", type=Path, nargs="+", default=[], metavar="FILE", help="also score the listed qids")
    verb.add_argument("--videos", type=Path, nargs="+", default=[], metavar="JSONL", help="more keys of each vid")
    verb.add_argument("--variants", action="store_true", help="add mIoU, R1@0.3 and stable-tie HL-mAP")
    verb.add_argument("--as-listed", action="store_true", help="take windows that are not sorted by score as they are")
    verb.add_argument("--covered-only", action="store_true", help="score the queries that have predictions, and say so")
    verb.add_argument("--epoch", choices=("best", "last"), help="which epoch's predictions: a row each in `summarise`")
    add_about(verb)

    verb = command.verb("baseline", baseline)
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_output("--out", required=True, help="predictions (JSONL) to write")
    verb.add_argument("--seed", type=_whole, required=True, metavar="N", help="whole number from 0")

    verb = command.verb("compare", compare)
    verb.add_argument("--predictions", type=Path, nargs=2, required=True, metavar="P.jsonl", help="two files")
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_argument("--names", nargs=2, metavar="NAME", help="what to call the two (default: their paths)")
    verb.add_argument("--metric", metavar="KEY", help="what to sort by (default: MR-full-mAP, else the first there is)")
    verb.add_argument(
        "--most", type=_whole, default=20, metavar="N", help="best and worst queries to list (default: 20)"
    )
    verb.add_argument("--seed", type=_whole, default=0, metavar="N", help="of intervals and tests (default: 0)")
    verb.add_argument("--as-listed", action="store_true", help="take windows that are not sorted by score as they are")
    verb.add_output("--out", required=True, help="comparison (JSON) to write")
