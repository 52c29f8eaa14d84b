"""The verbs for gate logs: statistics, an overview sheet, and single figures."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, whole_number
from eval.commands.options import pick
from formats.rows import Row, first_with_rows, read_rows, write_object

# NumPy and matplotlib are imported inside the verbs, so that help and errors appear at once.
_log = logging.getLogger(__name__)
_count = whole_number(1)
TRUTH = "ground truth, QVHighlights rows (JSONL)"


def gates(arguments: argparse.Namespace) -> None:
    """Compute statistics of a gate log per kind of gate, layer and group.

    The groups are all samples, has_audio, and each value of the --by keys in the ground truth or the log.
    """
    from eval.gates.statistics import compute_statistics
    from formats.gate_log import read_gate_log

    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    log = read_gate_log(arguments.log[first_with_rows(arguments.log)])
    write_object(arguments.out, compute_statistics(log, arguments.by, truth))


def plot_gates(arguments: argparse.Namespace) -> None:
    """Draw a gate log on one sheet: layers x videos, groups, contribution, extremes, training, examples over time.

    Groups come from has_audio in the log, and from audio_informative (or modality) in the ground truth or the log.
    """
    from eval.plots.gates.sheet import plot_gate_sheet
    from formats.gate_log import read_gate_log

    path, title, truth, history = _read_beside(arguments)
    log = read_gate_log(path, arguments.num_samples)
    plot_gate_sheet(log, arguments.out, title, truth, arguments.topk, history)


def plot_gate_figures(arguments: argparse.Namespace) -> None:
    """Draw the figures of a gate log for a paper, each as PNG (300 dpi) and SVG.

    The figures of the original tool, each kind of gate with its own scale: gate_sections, gate_top_bottom,
    gate_layerwise_means, gate_samples_layermean. Further figures: gate_time, gate_contribution, gate_informativeness,
    gate_parts, gate_training.
    """
    from eval.plots.gates.figures import plot_gate_figures
    from formats.gate_log import read_gate_log

    path, title, truth, history = _read_beside(arguments)
    log = read_gate_log(path, arguments.num_samples)
    inputs = [*arguments.log, *arguments.history, *([arguments.ground_truth] if arguments.ground_truth else [])]
    written = plot_gate_figures(log, arguments.out_dir, title, truth, arguments.topk, history, inputs)
    _log.info("wrote %d files to %s", len(written), arguments.out_dir)


def _read_beside(arguments: argparse.Namespace) -> tuple[Path, str, list[Row], list[Row] | None]:
    """Path of the gate log to draw, its title, and the ground truth and history if given."""
    index, count = first_with_rows(arguments.log), len(arguments.log)
    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    history = pick(arguments.history, index, count, "--history")
    title = pick(arguments.title, index, count, "--title") or "Gates"
    return arguments.log[index], title, truth, read_rows(history) if history else None


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    verb = command.verb("gates", gates)
    verb.add_argument(
        "--log",
        type=Path,
        nargs="+",
        required=True,
        help="gate log (JSONL) of `infer` or the original tool; if several are given, the first with rows is read",
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
            help="gate log (JSONL) of `infer` or the original tool; if several are given, the first with rows is drawn",
        )
        verb.add_argument(
            "--ground-truth", type=Path, help="QVHighlights rows (JSONL): groups, queries, relevant windows"
        )
        verb.add_argument(
            "--history", type=Path, nargs="*", default=[], help="history.jsonl of the training run, one per log"
        )
        verb.add_argument("--title", nargs="+", default=[], help="heading, such as the run's name, one per log")
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
