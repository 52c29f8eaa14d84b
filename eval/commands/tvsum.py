"""The verbs for TVSum and YouTube Highlights: scores by domain."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, whole_number
from cli.outputs import write_text
from eval.commands.options import add_about, read_about
from formats.rows import read_object, write_object

# NumPy and SciPy are imported inside the verbs, so that help and errors appear at once.
_log = logging.getLogger(__name__)
_whole = whole_number(0)


def tvsum(arguments: argparse.Namespace) -> None:
    """Score TVSum or YouTube Highlights predictions by domain, next to chance, human and best possible scores.

    Published numbers are those of the best epoch, chosen on the test videos themselves, so report the last epoch too:
    pass --best and --last (or --predictions for no particular epoch). Each option joins the files it is given, such as
    one per domain; --domain scores only the videos of some domains. Without predictions, only the reference rows are
    computed, from the annotations. --segments adds the classic F1 of summaries (15 % of the video).
    """
    from eval.tvsum.evaluation import evaluate_files
    from eval.tvsum.scores import render_markdown

    evaluation = evaluate_files(
        arguments.ground_truth,
        best=arguments.best,
        last=arguments.last,
        predictions=arguments.predictions,
        segments=arguments.segments,
        domains=arguments.domain,
        covered_only=arguments.covered_only,
        benchmark=arguments.benchmark,
        chance_seed=arguments.chance_seed,
        about=read_about(arguments),
    )
    write_object(arguments.out, evaluation.metrics)
    if arguments.out_markdown:
        write_text(arguments.out_markdown, render_markdown(evaluation.metrics["rows"], arguments.benchmark))
    for note in evaluation.notes:
        _log.info("%s", note)


def tvsum_table(arguments: argparse.Namespace) -> None:
    """Put TVSum scores of runs and seeds into one table by domain, with chance, human and best possible scores.

    Reads files written by `tvsum --run NAME --seed N` for all domains together, and gives mean ± standard deviation
    over seeds.
    """
    from eval.tvsum.table import render_markdown, tabulate_files

    table = tabulate_files(arguments.scores)
    write_object(arguments.out, table)
    if arguments.out_markdown:
        write_text(arguments.out_markdown, render_markdown(table))


def plot_domains(arguments: argparse.Namespace) -> None:
    """Draw TVSum scores by domain as bars, with chance, annotators and the best possible score as lines."""
    from eval.plots.domains import plot_domains

    plot_domains(read_object(arguments.table), arguments.out)


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("tvsum", tvsum)
    verb.add_argument("--ground-truth", type=Path, required=True, help="TVSum rows with label and domain (JSONL)")
    for option, what in (("--best", "the best"), ("--last", "the last"), ("--predictions", "any")):
        verb.add_argument(
            option, type=Path, nargs="+", default=[], metavar="P.jsonl", help=f"submission rows of {what} epoch"
        )
    verb.add_argument("--segments", type=Path, help='rows {"vid", "segments": [[start s, end s], ...]}, for F1')
    verb.add_argument("--domain", nargs="+", default=[], metavar="NAME", help="score only the videos of these domains")
    verb.add_argument("--covered-only", action="store_true", help="score only the videos that have predictions")
    verb.add_argument("--benchmark", choices=("tvsum", "youtube"), default="tvsum", help="benchmark (default: tvsum)")
    verb.add_argument("--chance-seed", type=_whole, default=0, metavar="N", help="seed of random rankings (default: 0)")
    verb.add_output("--out", required=True, help="metrics (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write as well")
    add_about(verb)

    verb = command.verb("tvsum-table", tvsum_table)
    verb.add_argument("--scores", type=Path, nargs="+", required=True, metavar="M.json", help="files of `tvsum`")
    verb.add_output("--out", required=True, help="table (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write as well")

    verb = command.verb("plot-domains", plot_domains)
    verb.add_argument("--table", type=Path, required=True, metavar="T.json", help="file of `tvsum-table`")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
