"""Arguments shared by several verbs of `python -m model`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli import UserError
from cli.configuration import add_config
from cli.device import add_device

FEATURES = "feature stores of all streams, or folders of them (DIR/*.h5, DIR/{stream}/*.h5)"


def add_running(parser: argparse.ArgumentParser, sections: str, default: str | None = None) -> None:
    """Add the options of every verb that runs a network over queries; `sections` are those of --config."""
    parser.add_argument("--features", type=Path, nargs="+", required=True, metavar="H5|DIR", help=FEATURES)
    add_config(parser, sections, default)
    parser.add_argument("--domain", metavar="NAME", help="use only the rows of this domain (TVSum)")
    parser.add_argument(
        "--leave-out",
        action="store_true",
        help="if no query has features, write empty outputs (no network, no predictions) instead of failing",
    )
    add_device(parser)


def find_stores(given: Sequence[Path]) -> list[Path]:
    """The stores that --features names: files as they are, and all of a folder, its stores before those of its streams.

    Raises:
        UserError: a folder has no store.
    """
    stores: list[Path] = []
    for path in given:
        found = [*sorted(path.glob("*.h5")), *sorted(path.glob("*/*.h5"))] if path.is_dir() else [path]
        if not found:
            raise UserError(f"{path}: no feature store in this folder (*.h5 or */*.h5)")
        stores += found
    return stores


def seconds(text: str) -> float:
    """Argument type for a time in seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, 0 or more, got {text!r}")
    return value
