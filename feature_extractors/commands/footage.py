"""The verb `footage`: what editing programs must know about media files."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError, track

_log = logging.getLogger(__name__)


def footage(arguments: argparse.Namespace) -> None:
    """Write what editing programs must know about videos, for `python -m eval export`.

    One line per video: file, length, exact frame rate, frames, picture size, sound, time code. A video whose frame rate
    varies has no rate, and its line says which frame is off. Nothing but one frame of each video is decoded.
    """
    from feature_extractors.media.footage import examine_all
    from feature_extractors.video_files import choose_all, locate_videos
    from formats.annotations import read_annotations
    from formats.media.footage import write_footage

    folder = arguments.videos
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if arguments.annotations:
        vids = dict.fromkeys(row["vid"] for row in read_annotations(arguments.annotations))
        files, causes = locate_videos(folder, vids)
    else:
        chosen = choose_all(folder)
        files = {vid: choice.file for vid, choice in chosen.items() if choice.file is not None}
        causes = {vid: choice.cause for vid, choice in chosen.items() if choice.file is None and choice.is_media}
        for choice in chosen.values():
            for other, reason in {} if choice.is_media else choice.rest.items():
                _log.warning("%s: %s, left out", other, reason)
    if not files:
        raise UserError(f"{folder}: no video in this folder")
    table = list(track(examine_all(folder, files, causes), "footage: videos", len(files) + len(causes)))
    write_footage(arguments.out, table)
    for one in table:
        if one.problem:
            _log.warning("%s: %s", one.file or one.vid, one.problem)
    _log.info(
        "%s: %d videos, %d of constant frame rate", arguments.out, len(table), sum(bool(one.rate) for one in table)
    )


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("footage", footage)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument(
        "--annotations", type=Path, nargs="+", metavar="FILE", help="only the videos that these files name (JSONL)"
    )
    parser.add_output("--out", required=True, metavar="FILE", help="the footage table to write (JSONL)")
