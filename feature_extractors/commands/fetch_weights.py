"""The verb `fetch-weights`: download or copy published weights, and check them."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError

_log = logging.getLogger(__name__)


def fetch_weights(arguments: argparse.Namespace) -> None:
    """Download published weights, check them, and put them into a folder; without a name, list the known weights.

    A correct file that already exists is kept; an interrupted download is resumed. With --mirror, the files are copied
    from a local folder and checked in the same way.
    """
    from feature_extractors.weights.catalogue import FOLDER, KNOWN, known_weights
    from feature_extractors.weights.fetch import fetch_file

    if not arguments.names:
        for known in KNOWN.values():
            size = sum(file.size for file in known.files)
            millions = f", {size / 1e6:.0f} MB" if size else ""
            _log.info("%s: for %s%s, %s, from %s", known.name, known.encoder, millions, known.licence, known.source)
        return
    if arguments.out and len(arguments.names) > 1:
        raise UserError(
            f"--out: takes one NAME, got {len(arguments.names)}; without --out, each gets a folder of its own"
        )
    for name in arguments.names:
        known = known_weights(name)
        folder = arguments.out or FOLDER / name
        files = [known.file(arguments.only)] if arguments.only else known.files
        for file in files:
            fetch_file(known, file, folder, arguments.mirror)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("fetch-weights", fetch_weights)
    parser.add_argument("names", nargs="*", metavar="NAME", help="weights from the list that is printed without a NAME")
    parser.add_output_folder("--out", metavar="DIR", help="folder to put them in (default weights/published/NAME)")
    parser.add_argument("--only", metavar="FILE", help="fetch only this file")
    parser.add_argument("--mirror", type=Path, metavar="DIR", help="copy from here: DIR/NAME/FILE or DIR/FILE")
