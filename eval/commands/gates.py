"""The verbs for gate logs: statistics, an overview sheet, and single figures."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from cli import Command, whole_number
from eval.commands.options import pick
from formats.rows import Row, read_rows, with_rows, write_object

# NumPy and matplotlib are imported inside the verbs, so that help and errors appear at once.
_log = logging.getLogger(__name__)
_count = whole_number(1)
LOGS = "gate log (JSONL) of `infer` or the original tool; several, such as one per domain, are read as one"
TRUTH = "ground truth, QVHighlights rows (JSONL)"


def gates(arguments: argparse.Namespace) -> None:
    """Compute statistics of a gate log per kind of gate, layer and group.

    The groups are all samples, has_audio, and each value of the --by keys in the ground truth or the log.
    """
    from eval.gates.joined_logs import read_gate_logs
    from eval.gates.statistics import compute_statistics

    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    log = read_gate_logs(arguments.log)
    write_object(arguments.out, compute_statistics(log, arguments.by, truth))


def plot_gates(arguments: argparse.Namespace) -> None:
    """Draw a gate log on one sheet: layers x videos, groups, contribution, extremes, training, examples over time.

    Groups come from has_audio in the log, and from audio_informative (or modality) in the ground truth or the log.
    """
    from eval.gates.joined_logs import read_gate_logs
    from eval.plots.gates.sheet import plot_gate_sheet

    truth, history = _read_beside(arguments)
    log = read_gate_logs(arguments.log, arguments.num_samples)
    plot_gate_sheet(log, arguments.out, arguments.title, truth, arguments.topk, history)


def plot_gate_figures(arguments: argparse.Namespace) -> None:
    """Draw the figures of a gate log for a paper, each as PNG (300 dpi) and SVG.

    The figures of the original tool, each kind of gate with its own scale: gate_sections, gate_top_bottom,
    gate_layerwise_means, gate_samples_layermean. Further figures: gate_time, gate_contribution, gate_informativeness,
    gate_parts, gate_training.
    """
    from eval.gates.joined_logs import read_gate_logs
    from eval.plots.gates.figures import plot_gate_figures

    truth, history = _read_beside(arguments)
    log = read_gate_logs(arguments.log, arguments.num_samples)
    inputs = [*arguments.log, *arguments.history, *([arguments.ground_truth] if arguments.ground_truth else [])]
    written = plot_gate_figures(log, arguments.out_dir, arguments.title, truth, arguments.topk, history, inputs)
    _log.info("wrote %d files to %s", len(written), arguments.out_dir)


def plot_gate_comparison(arguments: argparse.Namespace) -> None:
    """Draw the gate logs of several runs side by side, layer by layer: one panel per kind of gate."""
    from eval.plots.gates.side_by_side import plot_gate_comparison
    from formats.gate_log import read_gate_log

    count = len(arguments.log)
    titles = [pick(arguments.title, index, count, "--title") or path.name for index, path in enumerate(arguments.log)]
    plot_gate_comparison([read_gate_log(path) for path in arguments.log], titles, arguments.out)


def _read_beside(arguments: argparse.Namespace) -> tuple[list[Row], Sequence[Row] | None]:
    """The ground truth and the history, if given: of several networks, the mean of those whose logs have rows."""
    from eval.plots.gates.over_training import average_histories

    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    if not arguments.history:
        return truth, None
    count = len(arguments.log)
    found = [pick(arguments.history, index, count, "--history") for index in with_rows(arguments.log)]
    return truth, average_histories({str(path): read_rows(path) for path in found if path})


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("gates", gates)
    verb.add_argument(
        "--log",
        type=Path,
        nargs="+",
        required=True,
        help=LOGS,
    )
    verb.add_argument("--ground-truth", type=Path, help=TRUTH)
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="keys to group by, such as audio_informative")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")

    for name, draw in (("plot-gates", plot_gates), ("plot-gate-figures", plot_gate_figures)):
        verb = command.verb(name, draw)
        verb.add_argument(
            "--log",
            type=Path,
            nargs="+",
            required=True,
            help=LOGS,
        )
        verb.add_argument(
            "--ground-truth", type=Path, help="QVHighlights rows (JSONL): groups, queries, relevant windows"
        )
        verb.add_argument(
            "--history",
            type=Path,
            nargs="*",
            default=[],
            help="history.jsonl of the training run, one per log; their mean is drawn",
        )
        verb.add_argument("--title", default="Gates", help="heading, such as the run's name")
        verb.add_argument(
            "--num-samples",
            type=whole_number(1, or_all=True),
            default=-1,
            metavar="N",
            help="only the first N queries; -1 = all",
        )
        verb.add_argument(
            "--topk",
            type=_count,
            default=10,
            metavar="K",
            help="number of highest and of lowest samples to show (default: 10)",
        )
        if draw is plot_gates:
            verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
        else:
            verb.add_output_folder("--out-dir", required=True, help="folder to write to")

    verb = command.verb("plot-gate-comparison", plot_gate_comparison)
    verb.add_argument(
        "--log", type=Path, nargs="+", required=True, help="gate logs (JSONL), one per run, of the same queries"
    )
    verb.add_argument("--title", nargs="+", default=[], help="name of each run; by default the names of the files")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
