"""The verb `problems`: list all videos that had problems."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError
from feature_extractors.commands.arguments import add_policy

_log = logging.getLogger(__name__)


def problems(arguments: argparse.Namespace) -> None:
    """List all videos that had problems.

    Reads the video tables and stores of all shards, writes a TSV (vid, file, stage, cause) and logs each problem. Exits
    with 1 if there are any and --broken-videos is stop. With --domains-of, domains that are left out are listed too;
    with --moments-of or --ratings-of, videos that are shorter (or longer) than their labels.
    """
    from feature_extractors.problems import arrange, find_lost_domains, find_misfits, gather, write_problems

    found = gather(arguments.manifests, arguments.stores)
    misfits = find_misfits(arguments.moments_of, arguments.manifests, ratings=False)
    misfits += find_misfits(arguments.ratings_of, arguments.manifests, ratings=True)
    lost = find_lost_domains(arguments.domains_of, arguments.stores, arguments.needed)
    problems = arrange([*found.problems, *misfits])
    write_problems(arguments.out, [*problems, *lost])
    for domain in lost:
        _log.warning("%s: %s", domain.vid, domain.cause)
    for item in problems:
        _log.warning("%s: %s: %s", item.file or item.vid, item.stage, item.cause)
    odd = len({item.vid for item in problems})
    _log.info("%d of %d videos have problems, %d are left out: %s", odd, found.videos, found.left_out, arguments.out)
    if odd and arguments.broken_videos == "stop":
        causes = "; ".join(f"{item.file or item.vid}: {item.stage}: {item.cause}" for item in problems)
        raise UserError(f"{odd} of {found.videos} videos have problems: {causes}")


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("problems", problems)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, metavar="FILE", help="video tables")
    parser.add_argument("--stores", type=Path, nargs="*", default=[], metavar="H5", help="stores of all streams")
    parser.add_output("--out", required=True, metavar="TSV", help="the list to write")
    parser.add_argument(
        "--domains-of",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="annotation files in each of which a domain needs videos",
    )
    for option, labels in (("--moments-of", "windows and relevant clips"), ("--ratings-of", "ratings")):
        parser.add_argument(
            option,
            type=Path,
            nargs="+",
            default=[],
            metavar="FILE",
            help=f"annotation files whose {labels} training compares with the videos' lengths",
        )
    parser.add_argument(
        "--needed", nargs="+", default=["clip_visual"], metavar="NAME", help="streams that each query needs"
    )
    add_policy(parser)
