"""The verbs that compare runs under conditions: calibration of gates, table and figure."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command, UserError
from cli.outputs import write_text
from formats.rows import read_object, read_rows, write_object


def calibration(arguments: argparse.Namespace) -> None:
    """Compare the audio gates of a log with what is known of the sound: area under the ROC curve, rank correlation.

    The ground truth says which videos have informative sound (`audio_informative`) and which queries need it
    (`modality` audio or joint); the log of a control says of which videos the sound was replaced.
    """
    from eval.conditions.calibration import compute_by_level, compute_calibration
    from formats.gate_log import read_gate_log

    truth, log = read_rows(arguments.ground_truth), read_gate_log(arguments.log)
    if arguments.level_key:
        write_object(arguments.out, compute_by_level(log, truth, arguments.level_key, arguments.replaced))
    else:
        write_object(arguments.out, compute_calibration(log, truth, arguments.replaced))


def conditions(arguments: argparse.Namespace) -> None:
    """Put runs under conditions into one table: scores, paired differences over seeds, calibration of gates.

    The workflow hands over the plan; files that are not there yet are left out and counted below the table, so that the
    verb also shows a part of a study that is still running.
    """
    from eval.conditions.comparison import compare_files
    from eval.conditions.plan import read_plan
    from eval.conditions.rendering import render_csv, render_latex, render_markdown

    for field in ("{run}", "{seed}"):
        if field not in arguments.results:
            raise UserError(f"--results: must contain {field}, got {arguments.results!r}")
    plan = read_plan(arguments.plan)
    result = compare_files(plan, arguments.results, [read_rows(path) for path in arguments.ground_truth], arguments.by)
    write_object(arguments.out_json, result)
    for path, render in (
        (arguments.out_markdown, render_markdown),
        (arguments.out_latex, render_latex),
        (arguments.out_csv, render_csv),
    ):
        if path:
            write_text(path, render(result))


def plot_conditions(arguments: argparse.Namespace) -> None:
    """Draw runs under conditions: scores, differences and calibration of gates against the level."""
    from eval.plots.conditions import plot_conditions

    plot_conditions(read_object(arguments.conditions), arguments.out)


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("calibration", calibration)
    verb.add_argument("--log", type=Path, required=True, help="gate log (JSONL) of `infer`")
    verb.add_argument("--ground-truth", type=Path, required=True, help="ground truth, QVHighlights rows (JSONL)")
    verb.add_argument("--replaced", action="store_true", help="no video's sound was its own")
    verb.add_argument("--level-key", default="", metavar="KEY", help="key whose numbers divide the queries into levels")
    verb.add_output("--out", required=True, help="calibration (JSON) to write")

    verb = command.verb("conditions", conditions)
    verb.add_argument("--plan", required=True, metavar="JSON", help="runs, conditions and cells, from the workflow")
    verb.add_argument(
        "--results", required=True, metavar="PATTERN", help="folder of a run's results, such as results/{run}/{seed}"
    )
    verb.add_argument(
        "--ground-truth", type=Path, nargs="+", required=True, metavar="G.jsonl", help="rows of each split of the plan"
    )
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="keys to break scores down by")
    verb.add_output("--out-json", required=True, help="comparison (JSON) to write")
    verb.add_output("--out-markdown", help="table (Markdown) to write")
    verb.add_output("--out-latex", help="table (LaTeX, booktabs) to write")
    verb.add_output("--out-csv", help="table (CSV, one line per condition, level, run and number) to write")

    verb = command.verb("plot-conditions", plot_conditions)
    verb.add_argument("--conditions", type=Path, required=True, metavar="C.json", help="comparison of `conditions`")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
