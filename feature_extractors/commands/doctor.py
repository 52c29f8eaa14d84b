"""The verb `doctor`: report what is unusual about media files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli import Command
from formats.grid import CLIP_SECONDS, ClipGrid


def doctor(arguments: argparse.Namespace) -> int:
    """Inspect media files and report anything unusual, as a readable table and a TSV.

    Severities: ok; note (handled, good to know); warning (part of the video gives no features); error (the video gives
    no features, or features that do not match its labels). Exit status: 0 if there is nothing worse than a note, 3 if
    the worst is a warning, 4 if it is an error; 1 if the doctor itself failed.
    """
    from cli.outputs import write_text
    from feature_extractors.doctor.examination import examine, worst
    from feature_extractors.doctor.patients import EXIT_STATUS, list_annotated, list_folder, list_table
    from feature_extractors.doctor.tables import write_table, write_tsv
    from formats.annotations import annotated_seconds, read_annotations
    from formats.video_table import read_table

    clips = ClipGrid(seconds=arguments.clip_seconds)
    if arguments.manifest:
        patients = list_table(arguments.videos, read_table(arguments.manifest))
    elif arguments.annotations:
        durations: dict[str, set[float]] = {}
        for row in read_annotations(arguments.annotations):
            known = durations.setdefault(row["vid"], set())
            if not {"duration", "duration_s"}.isdisjoint(row):  # rows of `convert` about a missing video have none
                known.add(annotated_seconds(row, clips))
        patients = list_annotated(arguments.videos, durations)
    else:
        patients = list_folder(arguments.videos)
    examine(patients, clips, arguments.decode)
    if arguments.out:
        write_text(arguments.out, write_tsv(patients))
    sys.stdout.write(write_table(patients))
    return EXIT_STATUS[worst(patients)]


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("doctor", doctor)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument(
        "--annotations", type=Path, nargs="+", metavar="FILE", help="inspect the videos that these files name"
    )
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="or the videos in this video table")
    parser.add_argument(
        "--clip-seconds",
        type=float,
        default=CLIP_SECONDS,
        metavar="S",
        help=f"length of a clip in seconds (default {CLIP_SECONDS:g})",
    )
    parser.add_argument("--decode", action="store_true", help="decode everything, to find damage inside files (slow)")
    parser.add_output("--out", metavar="TSV", help="write all facts and findings, one line per video")
