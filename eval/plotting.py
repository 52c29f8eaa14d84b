"""The verbs of `python -m eval` that draw."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from cli import Command, UserError, whole_number
from cli.files import Row, first_with_rows, read_object, read_rows

# matplotlib is imported within the verbs, so that help and errors come at once.
_log = logging.getLogger(__name__)
_count = whole_number(1)
Value = TypeVar("Value")


def plot_gates(arguments: argparse.Namespace) -> None:
    """Draw a gate log as one sheet: layers x videos, groups, contribution, extremes, training, examples over time.

    Groups come from has_audio in the log and audio_informative (or modality) in the ground truth or the log.
    """
    from eval.gates import read_gate_log
    from eval.plots.gate_sheet import plot_gate_sheet

    path, title, truth, history = _read_beside(arguments)
    log = read_gate_log(path, arguments.num_samples)
    plot_gate_sheet(log, arguments.out, title, truth, arguments.topk, history)


def plot_gate_figures(arguments: argparse.Namespace) -> None:
    """Draw the figures of a gate log for a paper, each as PNG (300 dpi) and SVG.

    gate_sections, gate_top_bottom, gate_layerwise_means, gate_samples_layermean (the original tool's, each kind of gate
    with its own scale), gate_time, gate_contribution, gate_informativeness, gate_parts, gate_training.
    """
    from eval.gates import read_gate_log
    from eval.plots.gate_figures import plot_gate_figures

    path, title, truth, history = _read_beside(arguments)
    log = read_gate_log(path, arguments.num_samples)
    written = plot_gate_figures(log, arguments.out_dir, title, truth, arguments.topk, history)
    _log.info("%d files in %s", len(written), arguments.out_dir)


def _read_beside(arguments: argparse.Namespace) -> tuple[Path, str, list[Row], list[Row] | None]:
    """The gate log that is to be drawn, its title, and ground truth and history, where they are given."""
    index = first_with_rows(arguments.log)
    truth = read_rows(arguments.ground_truth) if arguments.ground_truth else []
    history = _of(arguments.history, index, len(arguments.log), "--history")
    title = _of(arguments.title, index, len(arguments.log), "--title") or "Gates"
    return arguments.log[index], title, truth, read_rows(history) if history else None


def _of(values: Sequence[Value], index: int, count: int, option: str) -> Value | None:
    """What belongs to the file that was chosen out of `count`; None where the option is not given."""
    if values and len(values) != count:
        raise UserError(f"{option}: {len(values)} given for {count} files")
    return values[index] if values else None


def plot_training(arguments: argparse.Namespace) -> None:
    """Draw training curves: loss terms, validation metrics with the best epoch, learning rate."""
    from eval.plots.training import plot_training

    index = first_with_rows(arguments.history)
    title = _of(arguments.title, index, len(arguments.history), "--title") or "Training"
    plot_training(read_rows(arguments.history[index]), arguments.out, title, arguments.best_by)


def plot_summary(arguments: argparse.Namespace) -> None:
    """Draw runs side by side: a dot for each seed, a bar at the mean, chance as a dashed line."""
    from eval.plots.summary import plot_summary

    plot_summary(read_object(arguments.summary), arguments.out)


def add_verbs(command: Command) -> None:
    """Add the verbs and their arguments."""
    pictures = "pictures to write, .png or .svg"
    for name, draw in (("plot-gates", plot_gates), ("plot-gate-figures", plot_gate_figures)):
        verb = command.verb(name, draw)
        verb.add_argument(
            "--log",
            type=Path,
            nargs="+",
            required=True,
            help="gate log (JSONL), ours or the original tool's; of several the first with rows is drawn",
        )
        verb.add_argument(
            "--ground-truth", type=Path, help="QVHighlights rows (JSONL): groups, queries, relevant windows"
        )
        verb.add_argument(
            "--history", type=Path, nargs="+", default=[], help="history.jsonl of the training run, one a log"
        )
        verb.add_argument("--title", nargs="+", default=[], help="heading, such as the run, one a log")
        verb.add_argument(
            "--num-samples", type=_count_or_all, default=-1, metavar="N", help="only the first N queries; -1 = all"
        )
        verb.add_argument(
            "--topk",
            type=_count,
            default=10,
            metavar="K",
            help="highest and lowest samples shown (default: 10)",
        )
        if draw is plot_gates:
            verb.add_output("--out", nargs="+", required=True, help=pictures)
        else:
            verb.add_argument("--out-dir", type=Path, required=True, help="folder to write to")

    verb = command.verb("plot-training", plot_training)
    verb.add_argument(
        "--history",
        type=Path,
        nargs="+",
        required=True,
        help="history.jsonl of a training run; of several the first with rows is drawn",
    )
    verb.add_argument("--title", nargs="+", default=[], help="heading, one a history")
    verb.add_argument("--best-by", metavar="KEY", help="metric that marks the best epoch (default: MR-full-mAP)")
    verb.add_output("--out", nargs="+", required=True, help=pictures)

    verb = command.verb("plot-summary", plot_summary)
    verb.add_argument("--summary", type=Path, required=True, help="summary.json of `summarise`")
    verb.add_output("--out", nargs="+", required=True, help=pictures)


def _count_or_all(text: str) -> int:
    return -1 if text == "-1" else _count(text)
