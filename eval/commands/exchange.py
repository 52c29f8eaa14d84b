"""The verb `export`: moments for editing, labelling and playing programs."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError
from cli.outputs import check_outputs, write_text
from eval.commands.selection import add_selection, read_asked
from eval.exchange.export import FORMATS, PER, footage_of_rows, render_files
from eval.markup import count
from formats.media.footage import read_footage

_log = logging.getLogger(__name__)
TITLE = "moments"


def export(arguments: argparse.Namespace) -> None:
    """Export moments for editing programs, labelling programs and players: predicted ones, or labelled ones.

    With --predictions the moments are those of a prediction file, without it the relevant_windows of --queries.
    Formats that count frames, or that name media files, need --footage: the table that `python -m feature_extractors
    footage` makes of the videos. docs/guide/exchange.md says which program opens which format.

    Example:
      python -m feature_extractors footage --videos videos --out footage.jsonl
      python -m eval export --format fcpxml --predictions P.jsonl --queries Q.jsonl --footage footage.jsonl \\
        --videos videos --topk 3 --padding 1 --out exports
    """
    asked = read_asked(arguments)
    if FORMATS[arguments.format].needs_footage and arguments.footage is None:
        raise UserError(
            f"--footage: required for --format {arguments.format}: make it with `python -m feature_extractors footage"
            " --videos DIR --out FILE`"
        )
    footage = footage_of_rows(asked.queries) if arguments.footage is None else read_footage(arguments.footage)
    drop = {"auto": None, "yes": True, "no": False}[arguments.drop_frame]
    selected = asked.select(footage)
    about = {row["vid"] for row in asked.queries}
    for one in footage.values():
        if one.vid in about and not one.seconds:
            _log.warning("left out: %s: %s", one.file or one.vid, one.problem or "has no length")
    files, problems = render_files(arguments.format, selected, arguments.per, TITLE, drop, arguments.videos)
    given = [*arguments.predictions, *arguments.queries, *([arguments.footage] if arguments.footage else [])]
    check_outputs([arguments.out / name for name in files], given)
    for problem in problems:
        _log.warning("left out: %s", problem)
    for name, text in files.items():
        write_text(arguments.out / name, text)
    _log.info("%s: %s of format %s", arguments.out, count(len(files), "file", "files"), arguments.format)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    verb = command.verb("export", export)
    described = ", ".join(f"{name} ({form.about})" for name, form in FORMATS.items())
    verb.add_argument("--format", required=True, choices=list(FORMATS), metavar="FORMAT", help=described)
    add_selection(verb)
    verb.add_argument("--footage", type=Path, metavar="FILE", help="table of `feature_extractors footage`")
    verb.add_argument("--videos", type=Path, metavar="DIR", help="folder of the media files, for links to them")
    verb.add_argument(
        "--per", choices=PER, default="video", help="what one file is about (default: video; via, label-studio: all)"
    )
    verb.add_argument(
        "--drop-frame",
        choices=["auto", "yes", "no"],
        default="auto",
        help="time code at 29.97 and 59.94: as in the file, else drop-frame (auto, default), or always so",
    )
    verb.add_output_folder("--out", required=True, metavar="DIR", help="folder to write to")
