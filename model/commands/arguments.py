"""Arguments shared by several verbs of `python -m model`."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.device import add_device


def add_running(parser: argparse.ArgumentParser, sections: str) -> None:
    """Add the options of every verb that runs a network over queries; `sections` are those of --config."""
    parser.add_argument(
        "--features", type=Path, nargs="+", required=True, metavar="H5", help="feature stores, all streams"
    )
    parser.add_argument("--config", required=True, metavar="JSON", help=f"sections {sections}, as JSON or @FILE")
    parser.add_argument("--domain", metavar="NAME", help="use only the rows of this domain (TVSum)")
    parser.add_argument(
        "--leave-out",
        action="store_true",
        help="if no query has features, write empty outputs (no network, no predictions) instead of failing",
    )
    add_device(parser)


def seconds(text: str) -> float:
    """Argument type for a time in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, got {text!r}")
    return value
