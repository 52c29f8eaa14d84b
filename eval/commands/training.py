"""The verb `plot-training`: curves of a training run."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from eval.commands.options import pick
from formats.rows import first_with_rows, read_rows


def plot_training(arguments: argparse.Namespace) -> None:
    """Draw training curves: loss terms, validation metrics with the best epoch, learning rate."""
    from eval.plots.training import plot_training

    index = first_with_rows(arguments.history)
    title = pick(arguments.title, index, len(arguments.history), "--title") or "Training"
    plot_training(read_rows(arguments.history[index]), arguments.out, title, arguments.best_by)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    verb = command.verb("plot-training", plot_training)
    verb.add_argument(
        "--history",
        type=Path,
        nargs="+",
        required=True,
        help="history.jsonl of a training run; if several are given, the first with rows is drawn",
    )
    verb.add_argument("--title", nargs="+", default=[], help="heading, one per history")
    verb.add_argument("--best-by", metavar="KEY", help="metric that marks the best epoch (default: MR-full-mAP)")
    verb.add_output("--out", nargs="+", required=True, help="pictures to write, .png or .svg")
