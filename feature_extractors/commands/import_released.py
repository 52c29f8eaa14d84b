"""The verb `import-released`: turn released feature files into a store on this project's clip grid."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from feature_extractors.commands.arguments import add_shard, check_shard


def import_released(arguments: argparse.Namespace) -> None:
    """Turn released feature files into a store on this project's clip grid.

    Layouts: moment_detr (also QD-DETR, Lighthouse, UniVTG), umt, tvsum_i3d, and for queries moment_detr_text,
    lighthouse_text, univtg_text, tvsum_text. For other files, --config names them by `file` and their array by `key`.
    The video table gives the grid. Ids without a file, or of another length, are reported and recorded.
    """
    from feature_extractors.released.stores import ImportStage, import_texts, import_videos
    from feature_extractors.shards import queries_of
    from formats.annotations import read_annotations
    from formats.video_table import read_table

    stage = ImportStage.from_json(arguments.config)
    if not stage.imported.kind.text:
        import_videos(stage, arguments.stream, read_table(arguments.manifest), arguments.out)
        return
    check_shard(arguments)
    queries = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    import_texts(stage, arguments.stream, queries, arguments.out)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("import-released", import_released)
    add_shard(parser)
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--stream", required=True, metavar="NAME", help="name of the stream, such as slowfast")
    parser.add_argument("--config", required=True, metavar="JSON", help="sections clips and imported, as JSON or @FILE")
    parser.add_output("--out", required=True, metavar="H5", help="the store to write")
