"""The verbs for QVHighlights: score predictions, write random ones, compare two files."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, whole_number
from eval.commands.options import add_about, read_about
from formats.rows import read_rows, with_rows, write_object, write_rows

# NumPy and SciPy are imported inside the verbs, so that help and errors appear at once.
_log = logging.getLogger(__name__)
_whole = whole_number(0)
TRUTH = "ground truth, QVHighlights rows (JSONL)"


def score(arguments: argparse.Namespace) -> None:
    """Score predictions: the official QVHighlights evaluation.

    Writes the official keys (brief, HL-min-*, full, long, middle, short; percent). "subsets" holds the brief metrics of
    parts of the queries: --by splits by the values of a key (the demo has modality, QVHighlights has no such key),
    --where KEY=VALUE,KEY=LOW:HIGH selects by rules (keys of the ground truth or of --videos, and window_seconds,
    windows, words), --list FILE selects by query ids. --variants adds unofficial numbers and those of QV-M2.
    --relabelled FILE scores the queries that FILE has second labels for on both, under "relabelled". --run, --scope,
    --seed and --epoch are stored under "about", by which `summarise` groups runs. --covered-only scores only the
    queries that have predictions and records this in "about"; tables mark such a run.
    """
    from eval.parts import PartRules
    from eval.qvhighlights.evaluation import evaluate_files

    evaluation = evaluate_files(
        arguments.predictions,
        arguments.ground_truth,
        about=read_about(arguments),
        parts=PartRules(arguments.by, arguments.where, arguments.list, arguments.videos),
        variants=arguments.variants,
        as_listed=arguments.as_listed,
        covered_only=arguments.covered_only,
        relabelled=arguments.relabelled,
    )
    write_object(arguments.out, evaluation.metrics)
    if arguments.per_query:
        write_object(arguments.per_query, evaluation.list_values())
    for note in evaluation.notes:
        _log.warning("note: %s", note)
    _log.info("%s", evaluation.headline())


def baseline(arguments: argparse.Namespace) -> None:
    """Write random predictions for a ground truth file: the floor of every metric.

    Each query gets ten random windows on the 2 s grid and random saliency; the same seed gives the same file. If they
    are scored with --run random, `summarise` shows them as chance.
    """
    from eval.qvhighlights.chance import predict_at_random

    rows = predict_at_random(read_rows(arguments.ground_truth), arguments.seed, str(arguments.ground_truth))
    write_rows(arguments.out, rows)


def compare(arguments: argparse.Namespace) -> None:
    """Compare two prediction files query by query: the gains and losses of the second, largest first."""
    from eval.qvhighlights.gains import compare_files, describe_change

    first, second = arguments.predictions
    result = compare_files(
        first,
        second,
        arguments.ground_truth,
        names=arguments.names,
        metric=arguments.metric,
        most=arguments.most,
        seed=arguments.seed,
        as_listed=arguments.as_listed,
    )
    write_object(arguments.out, result)
    _log.info("%s", describe_change(result))


def plot_retrieval_figures(arguments: argparse.Namespace) -> None:
    """Draw the retrieved moments of a run, each figure as .png and .svg.

    precision_recall: its area is the official mAP at IoU 0.5 and 0.75. reliability: scores against the share of
    windows that are right. window_lengths: lengths of labelled moments against those of the windows that answer
    them. Several files of --predictions, as of seeds, count together.
    """
    from eval.plots.retrieval import plot_retrieval_figures
    from eval.qvhighlights.queries import read_queries

    truth, paths = read_rows(arguments.ground_truth), arguments.predictions
    if arguments.covered_only:
        # The file of a domain that could not be read has no rows.
        paths = [paths[place] for place in with_rows(paths)]
    answers = [
        read_queries(
            read_rows(path), truth, (str(path), str(arguments.ground_truth)), arguments.as_listed,
            arguments.covered_only,
        )
        for path in paths
    ]  # fmt: skip
    where = ", ".join(map(str, arguments.predictions))
    inputs = [*arguments.predictions, arguments.ground_truth]
    written = plot_retrieval_figures(answers, arguments.out_dir, arguments.title, where, inputs)
    _log.info("wrote %d files to %s", len(written), arguments.out_dir)


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("score", score)
    verb.add_argument("--predictions", type=Path, required=True, help="submission rows (JSONL)")
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_output("--out", required=True, help="metrics (JSON) to write")
    verb.add_output("--per-query", metavar="OUT", help="values per query (JSON) to write as well")
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="also score one part per value of these keys")
    verb.add_argument(
        "--where", nargs="+", default=[], metavar="RULE", help="also score the queries that match, such as words=1:5"
    )
    verb.add_argument("--list", type=Path, nargs="+", default=[], metavar="FILE", help="also score the listed qids")
    verb.add_argument("--videos", type=Path, nargs="+", default=[], metavar="JSONL", help="rows with more keys per vid")
    verb.add_argument("--variants", action="store_true", help="add mIoU, R1@0.3, QV-M2's metrics and more")
    verb.add_argument(
        "--relabelled", type=Path, nargs="+", default=[], metavar="JSONL", help="also score by these second labels"
    )
    verb.add_argument("--as-listed", action="store_true", help="accept windows that are not sorted by score")
    verb.add_argument("--covered-only", action="store_true", help="score only the queries that have predictions")
    verb.add_argument("--epoch", choices=("best", "last"), help="epoch of the predictions; own row in `summarise`")
    add_about(verb)

    verb = command.verb("baseline", baseline)
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_output("--out", required=True, help="predictions (JSONL) to write")
    verb.add_argument("--seed", type=_whole, required=True, metavar="N", help="seed, a whole number from 0")

    verb = command.verb("compare", compare)
    verb.add_argument("--predictions", type=Path, nargs=2, required=True, metavar="P.jsonl", help="two files")
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_argument("--names", nargs=2, metavar="NAME", help="names of the two files (default: their paths)")
    verb.add_argument("--metric", metavar="KEY", help="metric to sort by (default: MR-full-mAP, else the first)")
    verb.add_argument(
        "--most", type=_whole, default=20, metavar="N", help="number of best and worst queries to list (default: 20)"
    )
    verb.add_argument("--seed", type=_whole, default=0, metavar="N", help="seed of intervals and tests (default: 0)")
    verb.add_argument("--as-listed", action="store_true", help="accept windows that are not sorted by score")
    verb.add_output("--out", required=True, help="comparison (JSON) to write")

    verb = command.verb("plot-retrieval-figures", plot_retrieval_figures)
    verb.add_argument(
        "--predictions", type=Path, nargs="+", required=True, metavar="P.jsonl", help="files of a run, as of its seeds"
    )
    verb.add_argument("--ground-truth", type=Path, required=True, help=TRUTH)
    verb.add_argument("--title", default="", help="heading, such as the run's name")
    verb.add_argument("--as-listed", action="store_true", help="accept windows that are not sorted by score")
    verb.add_argument("--covered-only", action="store_true", help="draw only the queries that have predictions")
    verb.add_output_folder("--out-dir", required=True, help="folder to write to")
