"""The verb `describe`: statistics of an annotation file."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from formats.rows import read_rows, write_object


def describe(arguments: argparse.Namespace) -> None:
    """Describe an annotation file: counts and lengths of queries, windows and points, or TVSum's videos and clips."""
    from eval.annotation_counts import describe_annotations

    rows = read_rows(arguments.ground_truth)
    write_object(arguments.out, describe_annotations(rows, arguments.by, str(arguments.ground_truth)))


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    verb = command.verb("describe", describe)
    verb.add_argument("--ground-truth", type=Path, required=True, help="QVHighlights or TVSum rows (JSONL)")
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="also count the values of these keys")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")
