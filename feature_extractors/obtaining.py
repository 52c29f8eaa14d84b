"""The verbs for what others made: released features and published weights."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError
from feature_extractors.arguments import add_shard, check_shard

_log = logging.getLogger(__name__)


def import_released(arguments: argparse.Namespace) -> None:
    """Turn released feature files into a store on this project's clip grid.

    Layouts: moment_detr (also QD-DETR, Lighthouse), umt, tvsum_i3d, and for queries moment_detr_text, lighthouse_text,
    tvsum_text. The grid is the video table's; ids without a file and other lengths are reported and recorded.
    """
    from feature_extractors.manifest import queries_of, read_annotations, read_table
    from feature_extractors.released import LAYOUTS, ImportStage, import_texts, import_videos

    stage = ImportStage.from_json(arguments.config)
    if not LAYOUTS[stage.imported.layout].text:
        import_videos(stage, arguments.stream, read_table(arguments.manifest), arguments.out)
        return
    check_shard(arguments)
    queries = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    import_texts(stage, arguments.stream, queries, arguments.out)


def fetch_weights(arguments: argparse.Namespace) -> None:
    """Download published weights, check them, and put them into a folder; without a name, list what is known.

    A right file that is there is kept; a broken download is gone on with. With --mirror, the files are copied from a
    local folder and checked in the same way.
    """
    from feature_extractors.catalogue import FOLDER, KNOWN, known_weights
    from feature_extractors.fetch import fetch_file

    if not arguments.names:
        for known in KNOWN.values():
            size = sum(file.size for file in known.files)
            millions = f", {size / 1e6:.0f} MB" if size else ""
            _log.info("%s: for %s%s, %s, from %s", known.name, known.encoder, millions, known.licence, known.source)
        return
    if arguments.out and len(arguments.names) > 1:
        raise UserError("--out: name one of the weights, or leave it out: each then has a folder of its own")
    for name in arguments.names:
        known = known_weights(name)
        folder = arguments.out or FOLDER / name
        files = [known.file(arguments.only)] if arguments.only else known.files
        for file in files:
            fetch_file(known, file, folder, arguments.mirror)


def add_verbs(command: Command) -> None:
    """Add these verbs and their arguments."""
    parser = command.verb("import-released", import_released)
    add_shard(parser)
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--stream", required=True, metavar="NAME", help="name of the stream, such as slowfast")
    parser.add_argument("--config", required=True, metavar="JSON", help="sections clips, imported: layout, folders")
    parser.add_argument("--out", type=Path, required=True, metavar="H5", help="the store to write")

    parser = command.verb("fetch-weights", fetch_weights)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of the list that the verb prints without one")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to put them in (default weights/published/NAME)"
    )
    parser.add_argument("--only", metavar="FILE", help="just this one of the files")
    parser.add_argument("--mirror", type=Path, metavar="DIR", help="copy from here: DIR/NAME/FILE or DIR/FILE")
