"""The verb `verify`: check whether two stores hold the same features, and explain differences."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli import Command


def verify(arguments: argparse.Namespace) -> int:
    """Compare two feature stores, or two folders of shards of one stream, and say why they differ.

    Checks all rows by their checksums. Prints the cosines and norms of the rows, the order of channels, and the
    attributes that differ. Exit status: 0 if ids, clips and width are the same and all rows agree within the tolerance,
    1 if not.
    """
    from feature_extractors.verify.comparison import compare, open_stores
    from feature_extractors.verify.report import write_comparison

    found = compare(open_stores(arguments.first), open_stores(arguments.second))
    equal = found.equal(arguments.cosine, arguments.norms)
    sys.stdout.write(write_comparison(found, equal))
    return int(not equal)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("verify", verify)
    parser.add_argument("first", type=Path, metavar="A", help="a store, or a folder of the shards of one stream")
    parser.add_argument("second", type=Path, metavar="B", help="the store or folder to compare with A")
    parser.add_argument(
        "--cosine", type=float, default=0.9999, metavar="C", help="minimum cosine of two rows (default 0.9999)"
    )
    parser.add_argument(
        "--norms", type=float, default=0.01, metavar="T", help="maximum difference of norms (default 0.01)"
    )
