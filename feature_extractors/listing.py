"""The verbs about what videos there are, and what is wrong with them: convert, manifest, problems."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError
from feature_extractors.annotations import SOURCES
from feature_extractors.arguments import add_optional, add_policy, add_shard, check_shard

_log = logging.getLogger(__name__)


def convert(arguments: argparse.Namespace) -> None:
    """Turn a dataset's own annotations into rows of the project's schema.

    The sources and their --files:
      tvsum-mat      ydata-tvsum50.mat
      tvsum-tsv      ydata-tvsum50-info.tsv ydata-tvsum50-anno.tsv, with --videos (for the frame rates)
      qvhighlights   highlight_train_release.jsonl and further splits, checked row by row
      charades       charades_sta_train.txt Charades_v1_train.csv (or test)
      youtube        DOMAIN.json with windows and matches by video
      folder         a text file of queries, with --videos: a query a line, or `video<TAB>query`

    Example:
      python -m feature_extractors convert --from tvsum-mat --files ydata-tvsum50.mat --out data/tvsum
      python -m feature_extractors convert --from folder --files queries.txt --videos videos --out data/mine
    """
    from feature_extractors.annotations.convert import convert as write_splits

    where = arguments.videos, arguments.out
    write_splits(arguments.source, arguments.files, *where, arguments.published, arguments.broken_videos)


def manifest(arguments: argparse.Namespace) -> None:
    """Decide the clip grid of the videos of one shard.

    Probes each video that the annotations name and that falls into the shard, and writes one line a video: file,
    duration in seconds, number of clips, whether it has sound, sha256, what is wrong with it. A video that is missing
    or broken has no clips. Without --videos, the grid follows the annotated durations: for features that were made
    elsewhere.
    """
    from feature_extractors.decode import examine_all
    from feature_extractors.manifest import (
        ManifestStage,
        annotated_videos,
        locate_videos,
        read_annotations,
        videos_of,
        write_table,
    )

    clips = ManifestStage.from_json(arguments.config).clips
    check_shard(arguments)
    rows = read_annotations(arguments.annotations)
    vids = videos_of(rows, arguments.shard, arguments.shards)
    if arguments.videos:
        folder = Path(arguments.videos)
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        files, causes = locate_videos(folder, vids)
        table = examine_all(folder, vids, files, causes, clips)
    else:
        table = annotated_videos(rows, vids, clips)
    broken = [f"{video.file or video.vid}: {video.problem}" for video in table if not video.n_clips]
    if broken and arguments.broken_videos == "stop":
        raise UserError(f"{arguments.videos}: {len(broken)} of {len(table)} videos are broken: {'; '.join(broken)}")
    for video in table:
        if video.problem:
            _log.warning("%s: %s", video.file or video.vid, video.problem)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_table(arguments.out, table)
    n_clips = sum(video.n_clips for video in table)
    silent = sum(not video.has_audio for video in table if video.n_clips)
    _log.info(
        "%s: %d videos, %d clips, %d videos without sound, %d left out",
        arguments.out,
        len(table),
        n_clips,
        silent,
        len(broken),
    )


def problems(arguments: argparse.Namespace) -> None:
    """List all videos with which something was wrong.

    Reads the video tables and stores of all shards, writes a TSV (vid, file, stage, cause) and names the videos. Exits
    with 1 if there are any and --broken-videos is stop. With --domains-of, domains that are left out are named as well.
    """
    from feature_extractors.problems import find_lost_domains, gather, write_problems

    found = gather(arguments.manifests, arguments.stores)
    lost = find_lost_domains(arguments.domains_of, arguments.stores, arguments.needed)
    write_problems(arguments.out, [*found.problems, *lost])
    for domain in lost:
        _log.warning("%s: %s", domain.vid, domain.cause)
    for item in found.problems:
        _log.warning("%s: %s: %s", item.file or item.vid, item.stage, item.cause)
    odd = len({item.vid for item in found.problems})
    _log.info("%d of %d videos have problems, %d are left out: %s", odd, found.videos, found.left_out, arguments.out)
    if odd and arguments.broken_videos == "stop":
        causes = "; ".join(f"{item.file or item.vid}: {item.stage}: {item.cause}" for item in found.problems)
        raise UserError(f"{odd} of {found.videos} videos have problems: {causes}")


def add_verbs(command: Command) -> None:
    """Add these verbs and their arguments."""
    parser = command.verb("convert", convert)
    parser.add_argument("--from", dest="source", choices=SOURCES, required=True, help="whose annotations these are")
    parser.add_argument("--files", type=Path, nargs="+", required=True, metavar="FILE", help="see the list above")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="folder of the media files")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the JSONL files")
    parser.add_argument("--published", action="store_true", help="TVSum: exactly the public files, for other tools")
    add_policy(parser)

    parser = command.verb("manifest", manifest)
    add_shard(parser)
    add_optional(parser, "--videos", metavar="DIR", text="folder of the media files; without: annotations")
    parser.add_argument("--config", required=True, metavar="JSON", help="section clips, as JSON or @FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the video table to write")
    add_policy(parser)

    parser = command.verb("problems", problems)
    parser.add_argument("--manifests", type=Path, nargs="+", required=True, metavar="FILE", help="video tables")
    parser.add_argument("--stores", type=Path, nargs="*", default=[], metavar="H5", help="stores of all streams")
    parser.add_argument("--out", type=Path, required=True, metavar="TSV", help="the list to write")
    parser.add_argument(
        "--domains-of",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="splits that each domain needs videos in",
    )
    parser.add_argument(
        "--needed", nargs="+", default=["clip_visual"], metavar="NAME", help="streams that a query needs"
    )
    add_policy(parser)
