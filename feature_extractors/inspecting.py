"""The verbs that look and change nothing: doctor for media, verify for stores."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cli import Command


def doctor(arguments: argparse.Namespace) -> int:
    """Look at media files and report what is odd about them: a table to read, and a TSV.

    Severities: ok; note (handled, good to know); warning (part of the video gives no features); error (the video gives
    none, or others than its labels mean). Exit status: 0 with nothing above note, 3 if the worst is a warning, 4 if it
    is an error; 1 if the doctor itself could not work.
    """
    from cli.files import write_text
    from feature_extractors import doctor
    from feature_extractors.manifest import ClipConfig, annotated_seconds, read_annotations, read_table

    clips = ClipConfig(seconds=arguments.clip_seconds)
    if arguments.manifest:
        patients = doctor.list_table(arguments.videos, read_table(arguments.manifest))
    elif arguments.annotations:
        durations: dict[str, set[float]] = {}
        for row in read_annotations(arguments.annotations):
            known = durations.setdefault(row["vid"], set())
            if not {"duration", "duration_s"}.isdisjoint(row):  # rows of `convert` about a missing video have none
                known.add(annotated_seconds(row, clips))
        patients = doctor.list_annotated(arguments.videos, durations)
    else:
        patients = doctor.list_folder(arguments.videos)
    doctor.examine(patients, clips, arguments.decode)
    if arguments.out:
        write_text(arguments.out, doctor.write_tsv(patients))
    sys.stdout.write(doctor.write_table(patients))
    return doctor.EXIT_STATUS[doctor.worst(patients)]


def verify(arguments: argparse.Namespace) -> int:
    """Compare two feature stores, or two folders of shards of one stream, and say why they differ.

    Prints the cosines and norms of their rows, the order of channels, and the attributes that differ. Exit status: 0
    if ids, clips and width are the same and all rows agree within the tolerance, 1 if not.
    """
    from feature_extractors.verify import compare, open_stores, write_comparison

    found = compare(open_stores(arguments.first), open_stores(arguments.second))
    equal = found.equal(arguments.cosine, arguments.norms)
    sys.stdout.write(write_comparison(found, equal))
    return int(not equal)


def add_verbs(command: Command) -> None:
    """Add these verbs and their arguments."""
    parser = command.verb("doctor", doctor)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument("--annotations", type=Path, nargs="+", metavar="FILE", help="look at what these name")
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="or at what this video table lists")
    parser.add_argument("--clip-seconds", type=float, default=2.0, metavar="S", help="length of a clip (default 2)")
    parser.add_argument("--decode", action="store_true", help="decode everything, which finds damage inside (slow)")
    parser.add_argument("--out", type=Path, metavar="TSV", help="write all that is known, one line a video")

    parser = command.verb("verify", verify)
    parser.add_argument("first", type=Path, metavar="A", help="a store, or a folder of the shards of one stream")
    parser.add_argument("second", type=Path, metavar="B", help="what is compared with it")
    parser.add_argument("--cosine", type=float, default=0.9999, metavar="C", help="least cosine of two rows (0.9999)")
    parser.add_argument("--norms", type=float, default=0.01, metavar="T", help="most that norms may differ (0.01)")
