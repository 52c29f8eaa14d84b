"""The verb `describe`: how much there is of what in an annotation file."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from formats.rows import read_rows, write_object


def describe(arguments: argparse.Namespace) -> None:
    """Count an annotation file: queries, windows, lengths, points; or TVSum's videos, clips, domains."""
    from eval.annotation_counts import describe_queries, describe_videos

    name = str(arguments.ground_truth)
    rows = read_rows(arguments.ground_truth)
    if any(row.get("label") is not None for row in rows):
        write_object(arguments.out, describe_videos(rows, name))
    else:
        write_object(arguments.out, describe_queries(rows, arguments.by, name))


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    verb = command.verb("describe", describe)
    verb.add_argument("--ground-truth", type=Path, required=True, help="QVHighlights or TVSum rows (JSONL)")
    verb.add_argument("--by", nargs="+", default=[], metavar="KEY", help="also count the values of these keys")
    verb.add_output("--out", required=True, help="statistics (JSON) to write")
