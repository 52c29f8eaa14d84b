"""`python -m eval VERB`: score predictions, read gate logs, draw."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from cli import Command, UserError, Verb, whole_number
from cli.files import Row, first_with_rows, iterate_rows, read_object, read_rows, write_object, write_rows, write_text
from eval import MEAN_SCOPE, plotting, showing

# What a verb needs beyond this (NumPy, matplotlib) is imported within it, so that help and errors come at once.
_log = logging.getLogger(__name__)
_whole = whole_number(0)


def score(arguments: argparse.Namespace) -> None:
    """Score predictions: the official QVHighlights evaluation.

    Writes the official keys (brief, HL-min-*, full, long, middle, short; percent). Under "subsets" come the brief
    metrics of parts: --by splits by the values of a key (the demo has modality, QVHighlights no such key),
    --where KEY=VALUE,KEY=LOW:HIGH selects by rules (keys of the ground truth or of --videos, and window_seconds,
    windows, words), --list FILE by query ids. --variants adds numbers
    that are not official. --run, --scope, --seed and --epoch go to "about", by which `summarise` puts runs together.
    --covered-only scores the queries that have predictions, says so in "about", and tables mark such a run.
    """
    from eval.queries import find_oddities, read_queries
    from eval.score import as_lists, score_each, score_parts, score_queries
    from eval.subsets import join_videos, select_listed, select_where, split_by
    from eval.variants import score_variants

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
    about = _about(arguments)
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
    from eval.baseline import predict_at_random

    rows = predict_at_random(read_rows(arguments.ground_truth), arguments.seed, str(arguments.ground_truth))
    write_rows(arguments.out, rows)


def tvsum(arguments: argparse.Namespace) -> None:
    """Score TVSum or YouTube Highlights predictions by domain, beside chance, people and the best that can be had.

    Published numbers are of the best epoch on the test video itself, so give the last epoch beside it: --best and
    --last (--predictions where neither is meant). Several files of one option are taken together, such as one a
    domain; --domain takes what belongs to some domains. Without any, the reference rows alone come from the
    annotations. --segments adds the classic F1 (15 %).
    """
    from eval.rows import index_by_vid, index_truth
    from eval.tvsum import (
        SHOWN_REFERENCES,
        describe_coverage,
        find_oddities,
        leave_out,
        read_scores,
        read_videos,
        render_coverage,
        render_markdown,
        score_predictions,
        score_references,
        select_domains,
    )

    name = str(arguments.ground_truth)
    every = truth = read_rows(arguments.ground_truth)
    if arguments.domain:
        index_truth(every, name)
        truth = select_domains(every, arguments.domain, name)
    segments = index_by_vid(read_rows(arguments.segments), str(arguments.segments)) if arguments.segments else None
    rows, brief, notes = {}, {}, []
    if arguments.covered_only:
        truth = _covered([*arguments.best, *arguments.last, *arguments.predictions], truth)
    # A network of one domain is scored in full by that domain; any other number is over the whole file, or partial.
    whole = select_domains(every, [arguments.scope]) if arguments.scope in (arguments.domain or ()) else every
    coverage = describe_coverage(truth, whole)
    if "without" in coverage or len(truth) < len(whole):
        notes.append(f"note: {render_coverage(coverage, 'videos')}, not comparable with full-set numbers")
    videos = read_videos(truth, segments, (name, str(arguments.segments)))
    for label, suffix, paths in (
        ("best epoch", "-best", arguments.best),
        ("last epoch", "-last", arguments.last),
        ("predictions", "", arguments.predictions),
    ):
        if paths:
            what = ", ".join(map(str, paths))
            # A domain that was left out has a file without rows.
            given = [row for path in paths for _, row in iterate_rows(path)]
            kept = leave_out(given, every, truth)
            if len(kept) < len(given):
                notes.append(
                    f"note: {what}: {len(given) - len(kept)} of {len(given)} rows are of other domains, left out"
                )
            scores = read_scores(kept, truth, (what, name))
            rows[label] = score_predictions(scores, videos, arguments.benchmark, what)
            notes += [f"note: {line}" for line in find_oddities(scores, videos, what, arguments.benchmark)]
            brief.update({f"{key}{suffix}": means["mean"] for key, means in rows[label].items()})
            notes.append(f"{label}: " + ", ".join(f"{key} {means['mean']}" for key, means in rows[label].items()))
    references = score_references(videos, arguments.chance_seed, arguments.benchmark)
    metrics: dict[str, Any] = {
        "brief": brief,
        "rows": rows | references,
        "references": {
            row: {key: part["mean"] for key, part in references[row].items()}
            for row in SHOWN_REFERENCES
            if row in references
        },
    }
    about = _about(arguments)
    if about:
        metrics["about"] = {**about, "queries": len(videos)}
        if arguments.covered_only or len(truth) < len(whole):
            metrics["about"]["coverage"] = coverage
    write_object(arguments.out, metrics)
    if arguments.out_markdown:
        heading = {"tvsum": "TVSum, top-5 mAP", "youtube": "YouTube Highlights"}[arguments.benchmark]
        write_text(arguments.out_markdown, render_markdown(rows | references, heading))
    for line in notes:
        _log.info("%s", line)


def _covered(predictions: list[Path], truth: list[Row]) -> list[Row]:
    """The rows whose qids some prediction file has."""
    if not predictions:
        raise UserError("--covered-only: give the predictions that cover it")
    predicted = {row.get("qid") for path in predictions for _, row in iterate_rows(path)}
    covered = [row for row in truth if row.get("qid") in predicted]
    if not covered:
        raise UserError(f"{predictions[0]}: no prediction for any of {len(truth)} videos")
    return covered


def tvsum_table(arguments: argparse.Namespace) -> None:
    """Put TVSum's scores of runs and seeds into one table by domain, with chance, people and the ceiling.

    Reads files that `tvsum --run NAME --seed N` wrote, of all domains together; mean ± standard deviation over seeds.
    """
    from eval.tvsum_table import make_table, render_markdown

    table = make_table([(str(path), read_object(path)) for path in arguments.scores])
    write_object(arguments.out, table)
    if arguments.out_markdown:
        write_text(arguments.out_markdown, render_markdown(table))


def describe(arguments: argparse.Namespace) -> None:
    """Count an annotation file: queries, windows, lengths, points; or TVSum's videos, clips, domains."""
    from eval.describe import describe_queries, describe_videos

    name = str(arguments.ground_truth)
    rows = read_rows(arguments.ground_truth)
    if any(row.get("label") is not None for row in rows):
        write_object(arguments.out, describe_videos(rows, name))
    else:
        write_object(arguments.out, describe_queries(rows, arguments.by, name))


def compare(arguments: argparse.Namespace) -> None:
    """Compare two prediction files query by query: gains and losses of the second, best and worst queries first."""
    from eval.compare import compare
    from eval.queries import read_queries

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


def summarise(arguments: argparse.Namespace) -> None:
    """Put metrics of runs, seeds and domains into one table (JSON, Markdown, LaTeX, CSV).

    Reads files that `score` or `tvsum --run NAME [--scope NAME] [--seed N]` wrote; mean ± standard deviation over the
    seeds. --per-query adds intervals over queries, --against tests every run against one. A run that was scored with
    --epoch best and --epoch last has a row each; TVSum has columns for both.
    """
    from eval.summarise import summarise
    from eval.tables import render_csv, render_latex, render_markdown

    metrics, values = (
        [(str(path), read_object(path)) for path in paths] for paths in (arguments.metrics, arguments.per_query)
    )
    summary = summarise(metrics, values, arguments.against, arguments.seed)
    write_object(arguments.out_json, summary)
    for path, render in (
        (arguments.out_markdown, render_markdown),
        (arguments.out_latex, render_latex),
        (arguments.out_csv, render_csv),
    ):
        if path:
            write_text(path, render(summary))


def gates(arguments: argparse.Namespace) -> None:
    """Count a gate log into statistics: per kind of gate, layer and group.

    Groups are all samples, has_audio, and the values of the --by keys of the ground truth or the log.
    """
    from eval.gate_statistics import compute_statistics
    from eval.gates import read_gate_log

    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    log = read_gate_log(arguments.log[first_with_rows(arguments.log)])
    write_object(arguments.out, compute_statistics(log, arguments.by, truth))


def _about(arguments: argparse.Namespace) -> dict[str, Any]:
    about = {"run": arguments.run_name, "scope": arguments.scope, "seed": arguments.seed}
    about["epoch"] = vars(arguments).get("epoch")  # TVSum's files hold both epochs
    return {key: value for key, value in about.items() if value is not None}


def _add_about(verb: Verb) -> None:
    # `run` itself is where the command keeps the function of the verb.
    verb.add_argument("--run", dest="run_name", type=_name, metavar="NAME", help="the run's name, for `summarise`")
    verb.add_argument("--scope", type=_scope, metavar="NAME", help="what it was trained on: all, or a domain")
    verb.add_argument("--seed", type=_whole, metavar="N", help="its seed, a whole number from 0")


def build_command() -> Command:
    """All verbs and their arguments."""
    command = Command("eval", "Score predictions, read gate logs, and draw what they say.")
    truth = "ground truth, QVHighlights rows (JSONL)"

    verb = command.verb("score", score)
    verb.add_argument("--predictions", type=Path, required=True, help="submission rows (JSONL)")
    verb.add_argument("--ground-truth", type=Path, required=True, help=truth)
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
    _add_about(verb)

    verb = command.verb("baseline", baseline)
    verb.add_argument("--ground-truth", type=Path, required=True, help=truth)
    verb.add_output("--out", required=True, help="predictions (JSONL) to write")
    verb.add_argument("--seed", type=_whole, required=True, metavar="N", help="whole number from 0")

    verb = command.verb("tvsum", tvsum)
    verb.add_argument("--ground-truth", type=Path, required=True, help="TVSum rows with label and domain (JSONL)")
    for option, what in (("--best", "the best"), ("--last", "the last"), ("--predictions", "no particular")):
        verb.add_argument(
            option, type=Path, nargs="+", default=[], metavar="P.jsonl", help=f"submission rows of {what} epoch"
        )
    verb.add_argument("--segments", type=Path, help='rows {"vid", "segments": [[start s, end s], ...]}, for F1')
    verb.add_argument("--domain", nargs="+", metavar="NAME", help="only the videos of these domains")
    verb.add_argument("--covered-only", action="store_true", help="score the videos that have predictions, and say so")
    verb.add_argument("--benchmark", choices=("tvsum", "youtube"), default="tvsum", help="default: tvsum")
    verb.add_argument("--chance-seed", type=_whole, default=0, metavar="N", help="of the random rankings (default: 0)")
    verb.add_output("--out", required=True, help="metrics (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write as well")
    _add_about(verb)

    verb = command.verb("tvsum-table", tvsum_table)
    verb.add_argument("--scores", type=Path, nargs="+", required=True, metavar="M.json", help="files of `tvsum`")
    verb.add_output("--out", required=True, help="table (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write as well")

    verb = command.verb("describe", describe)
    verb.add_argument("--ground-truth", type=Path, required=True, help="QVHighlights or TVSum rows (JSONL)")
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="also count the values of these keys")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")

    verb = command.verb("compare", compare)
    verb.add_argument("--predictions", type=Path, nargs=2, required=True, metavar="P.jsonl", help="two files")
    verb.add_argument("--ground-truth", type=Path, required=True, help=truth)
    verb.add_argument("--names", nargs=2, metavar="NAME", help="what to call the two (default: their paths)")
    verb.add_argument("--metric", metavar="KEY", help="what to sort by (default: MR-full-mAP, else the first there is)")
    verb.add_argument(
        "--most", type=_whole, default=20, metavar="N", help="best and worst queries to list (default: 20)"
    )
    verb.add_argument("--seed", type=_whole, default=0, metavar="N", help="of intervals and tests (default: 0)")
    verb.add_argument("--as-listed", action="store_true", help="take windows that are not sorted by score as they are")
    verb.add_output("--out", required=True, help="comparison (JSON) to write")

    verb = command.verb("summarise", summarise)
    verb.add_argument("--metrics", type=Path, nargs="+", required=True, metavar="M.json", help="files of `score`")
    verb.add_argument("--per-query", type=Path, nargs="+", default=[], metavar="Q.json", help="of `score --per-query`")
    verb.add_argument("--against", metavar="RUN", help="test every other run against this one")
    verb.add_argument("--seed", type=_whole, default=0, metavar="N", help="of intervals and tests (default: 0)")
    verb.add_output("--out-json", required=True, help="summary (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write")
    verb.add_output("--out-latex", help="table (LaTeX, booktabs) to write")
    verb.add_output("--out-csv", help="table (CSV, a line each run, scope and metric) to write")

    verb = command.verb("gates", gates)
    verb.add_argument(
        "--log",
        type=Path,
        nargs="+",
        required=True,
        help="gate log (JSONL), ours or the original tool's; of several the first with rows",
    )
    verb.add_argument("--ground-truth", type=Path, help=truth)
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="group by these keys: audio_informative")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")

    showing.add_verbs(command)
    plotting.add_verbs(command)
    return command


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must be a name, got none")
    return text


def _scope(text: str) -> str:
    if text.startswith(MEAN_SCOPE):
        raise argparse.ArgumentTypeError(f"must not start with {MEAN_SCOPE!r}, as the rows of means in tables do")
    return _name(text)


if __name__ == "__main__":
    sys.exit(build_command().main())
