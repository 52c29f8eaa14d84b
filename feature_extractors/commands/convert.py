"""The verb `convert`: turn a dataset's own annotations into rows of the project's schema."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from feature_extractors.annotations import SOURCES
from feature_extractors.commands.arguments import add_policy


def convert(arguments: argparse.Namespace) -> None:
    """Turn a dataset's own annotations into rows of the project's schema.

    The sources and their --files:
      tvsum-mat      ydata-tvsum50.mat
      tvsum-tsv      ydata-tvsum50-info.tsv ydata-tvsum50-anno.tsv, with --videos (for the frame rates)
      qvhighlights   highlight_train_release.jsonl and further splits, checked row by row
      charades       charades_sta_train.txt Charades_v1_train.csv (or test)
      timelens       qvhighlights-timelens.json, and highlight_val_release.jsonl to keep the ids of unchanged queries
      youtube        DOMAIN.json with windows and matches by video
      folder         a text file of queries, with --videos: one query per line, or `video<TAB>query`
      csv            tables with the heads video, query, start, end; or of LosslessCut; with --videos
      via            projects of VIA 3 (JSON), with --videos
      label-studio   exports of Label Studio as JSON, with --videos
      elan           .eaf files of ELAN, with --videos

    Example:
      python -m feature_extractors convert --from tvsum-mat --files ydata-tvsum50.mat --out data/tvsum
      python -m feature_extractors convert --from folder --files queries.txt --videos videos --out data/mine
    """
    from feature_extractors.annotations.convert import convert as write_splits

    where = arguments.videos, arguments.out
    write_splits(arguments.source, arguments.files, *where, arguments.published, arguments.broken_videos)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("convert", convert)
    parser.add_argument("--from", dest="source", choices=SOURCES, required=True, help="where the annotations come from")
    parser.add_argument("--files", type=Path, nargs="+", required=True, metavar="FILE", help="see the list above")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="folder of the media files")
    parser.add_output_folder("--out", required=True, metavar="DIR", help="folder for the JSONL files")
    parser.add_argument(
        "--published", action="store_true", help="TVSum: write exactly the public files, for other tools"
    )
    add_policy(parser)
