"""Arguments that several verbs of `python -m feature_extractors` share."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import UserError, Verb, whole_number


def check_shard(arguments: argparse.Namespace) -> None:
    """Raises UserError where the shard is none of so many."""
    if not 0 <= arguments.shard < arguments.shards:
        raise UserError(f"--shard: {arguments.shard} is none of {arguments.shards} shards, which count from 0")


def add_shard(parser: argparse.ArgumentParser) -> None:
    """Which annotations, and which part of them."""
    parser.add_argument("--annotations", type=Path, nargs="+", required=True, metavar="FILE", help="QVHighlights JSONL")
    parser.add_argument("--shard", type=int, required=True, help="number of this shard, from 0")
    parser.add_argument("--shards", type=whole_number(1), required=True, help="number of shards in all")


def add_optional(parser: argparse.ArgumentParser, option: str, metavar: str, text: str) -> None:
    """An option whose value may be left out."""
    # The option without a value is the same as none at all: a rule writes it so where the configuration has none.
    parser.add_argument(option, nargs="?", const="", default="", metavar=metavar, help=text)


def add_encoding(parser: Verb, sections: str, weights: str, needed: bool = False) -> None:
    """What all encoders are told; `sections` are those of --config."""
    parser.add_argument("--config", required=True, metavar="JSON", help=f"sections {sections}, as JSON or @FILE")
    if needed:
        parser.add_argument("--weights", required=True, help=weights)
    else:
        add_optional(parser, "--weights", metavar="FILE", text=weights)
    parser.add_output("--out", required=True, metavar="H5", help="the store to write")
    parser.add_argument("--threads", type=whole_number(1), default=1, help="CPU threads of the network (default 1)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:N or auto (default: cuda if there is one)")


def add_videos(parser: argparse.ArgumentParser) -> None:
    """The table of videos, and where they lie."""
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")


def add_policy(parser: argparse.ArgumentParser) -> None:
    """What becomes of broken videos."""
    help_text = "whether a broken video is left out and listed (default) or an error"
    parser.add_argument("--broken-videos", choices=["leave_out", "stop"], default="leave_out", help=help_text)
