"""Arguments that several verbs of `python -m feature_extractors` share."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import UserError, whole_number


def check_shard(arguments: argparse.Namespace) -> None:
    """Raise UserError unless --shard is one of the --shards."""
    if not 0 <= arguments.shard < arguments.shards:
        raise UserError(f"--shard must be 0 to {arguments.shards - 1}, got {arguments.shard}")


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select annotation files and one shard of them."""
    parser.add_argument("--annotations", type=Path, nargs="+", required=True, metavar="FILE", help="QVHighlights JSONL")
    parser.add_argument("--shard", type=int, required=True, help="index of this shard, from 0")
    parser.add_argument("--shards", type=whole_number(1), required=True, help="total number of shards")


def add_optional(parser: argparse.ArgumentParser, option: str, metavar: str, text: str) -> None:
    """Add an option whose value may be left out."""
    # The option without a value means the same as no option: rules write it if the configuration has no value.
    parser.add_argument(option, nargs="?", const="", default="", metavar=metavar, help=text)


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Add --broken-videos, which decides what happens to broken videos."""
    help_text = "leave broken videos out and list them (default), or stop with an error"
    parser.add_argument("--broken-videos", choices=["leave_out", "stop"], default="leave_out", help=help_text)
