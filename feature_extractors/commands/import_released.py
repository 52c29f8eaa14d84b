"""The verb `import-released`: turn released feature files into a store on this project's clip grid."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cli import Command, UserError
from cli.configuration import add_config, read_config
from feature_extractors.commands.arguments import add_shard, check_shard

if TYPE_CHECKING:
    from feature_extractors.released.stores import ImportStage


def import_released(arguments: argparse.Namespace) -> None:
    """Turn released feature files into a store on this project's clip grid.

    Layouts: moment_detr (also QD-DETR, Lighthouse, UniVTG), umt, tvsum_i3d, and for queries moment_detr_text,
    lighthouse_text, univtg_text, tvsum_text. For other files, --config names them by `file` and their array by `key`.
    The video table gives the grid. Ids without a file, or of another length, are reported and recorded.
    """
    from feature_extractors.released.stores import import_texts, import_videos
    from feature_extractors.shards import queries_of
    from formats.annotations import read_annotations
    from formats.video_table import read_table

    stage = read_stage(arguments.config, arguments.stream)
    if not stage.imported.kind.text:
        import_videos(stage, arguments.stream, read_table(arguments.manifest), arguments.out)
        return
    check_shard(arguments)
    queries = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    import_texts(stage, arguments.stream, queries, arguments.out)


def read_stage(text: str, stream: str) -> ImportStage:
    """The settings of an import in the value of `--config`: those of one stream, where a file has a whole study.

    Raises:
        UserError: the study imports no such stream, a key is unknown or has a wrong value, or the file is malformed.
    """
    from feature_extractors.released.stores import ImportStage

    given = read_config(text)
    imported = given.values.get("imported") if isinstance(given.values, dict) else None
    if given.is_file and isinstance(imported, dict) and "layout" not in imported:
        if stream not in imported:
            raise UserError(
                f"{given.where}: imported has no stream {stream!r} (it has: {', '.join(map(str, imported))})"
            )
        given = replace(given, values={**given.values, "imported": imported[stream]})
    return ImportStage.from_config(given)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("import-released", import_released)
    add_shard(parser)
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table made by `manifest`")
    parser.add_argument("--stream", required=True, metavar="NAME", help="name of the stream, such as slowfast")
    add_config(parser, "sections clips and imported")
    parser.add_output("--out", required=True, metavar="H5", help="the store to write")
