"""The verbs for networks that rate clips: TVSum and YouTube Highlights by domain."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from cli import Command, UserError, whole_number
from cli.outputs import write_text
from eval.commands.about import add_about, read_about
from formats.rows import Row, iterate_rows, read_object, read_rows, write_object

# What a verb needs beyond this (NumPy, SciPy) is imported within it, so that help and errors come at once.
_log = logging.getLogger(__name__)
_whole = whole_number(0)


def tvsum(arguments: argparse.Namespace) -> None:
    """Score TVSum or YouTube Highlights predictions by domain, beside chance, people and the best that can be had.

    Published numbers are of the best epoch on the test video itself, so give the last epoch beside it: --best and
    --last (--predictions where neither is meant). Several files of one option are taken together, such as one a
    domain; --domain takes what belongs to some domains. Without any, the reference rows alone come from the
    annotations. --segments adds the classic F1 (15 %).
    """
    from eval.tvsum.scores import (
        SHOWN_REFERENCES,
        find_oddities,
        read_scores,
        render_markdown,
        score_predictions,
        score_references,
    )
    from eval.tvsum.videos import describe_coverage, leave_out, read_videos, render_coverage
    from formats.annotations import index_by_vid, index_truth, select_domains

    name = str(arguments.ground_truth)
    every = truth = read_rows(arguments.ground_truth)
    if arguments.scope in (arguments.domain or ()) and set(arguments.domain) != {arguments.scope}:
        others = ", ".join(sorted(set(arguments.domain) - {arguments.scope}))
        raise UserError(f"--scope: {arguments.scope} is one domain, but --domain names {others} as well")
    if arguments.domain:
        index_truth(every, name)
        truth = select_domains(every, arguments.domain, name)
    segments = index_by_vid(read_rows(arguments.segments), str(arguments.segments)) if arguments.segments else None
    rows, brief, notes = {}, {}, []
    if arguments.covered_only:
        truth = _covered([*arguments.best, *arguments.last, *arguments.predictions], truth)
    # A network of one domain is scored in full by that domain; any other number is over the whole file, or partial.
    whole = select_domains(every, [arguments.scope], name) if arguments.scope in (arguments.domain or ()) else every
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
    about = read_about(arguments)
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


def tvsum_table(arguments: argparse.Namespace) -> None:
    """Put TVSum's scores of runs and seeds into one table by domain, with chance, people and the ceiling.

    Reads files that `tvsum --run NAME --seed N` wrote, of all domains together; mean ± standard deviation over seeds.
    """
    from eval.tvsum.table import make_table, render_markdown

    table = make_table([(str(path), read_object(path)) for path in arguments.scores])
    write_object(arguments.out, table)
    if arguments.out_markdown:
        write_text(arguments.out_markdown, render_markdown(table))


def _covered(predictions: list[Path], truth: list[Row]) -> list[Row]:
    """The rows whose qids some prediction file has."""
    if not predictions:
        raise UserError("--covered-only: give the predictions that cover it")
    predicted = {row.get("qid") for path in predictions for _, row in iterate_rows(path)}
    covered = [row for row in truth if row.get("qid") in predicted]
    if not covered:
        raise UserError(f"{predictions[0]}: no prediction for any of {len(truth)} videos")
    return covered


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
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
    add_about(verb)

    verb = command.verb("tvsum-table", tvsum_table)
    verb.add_argument("--scores", type=Path, nargs="+", required=True, metavar="M.json", help="files of `tvsum`")
    verb.add_output("--out", required=True, help="table (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write as well")
