"""The verb `manifest`: decide the clip grid of the videos of one shard."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path

from cli import Command, Settings, UserError
from cli.configuration import add_config
from cli.ownership import owning
from feature_extractors import CODE_VERSION
from feature_extractors.commands.arguments import add_optional, add_policy, add_shard, check_shard
from formats.grid import ClipGrid

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ManifestStage(Settings):
    """The configuration sections that `manifest` consumes."""

    clips: ClipGrid
    version: int = CODE_VERSION["manifest"]


def manifest(arguments: argparse.Namespace) -> None:
    """Decide the clip grid of the videos of one shard.

    Probes each video that the annotations name and that belongs to the shard, and writes one line per video: file,
    duration in seconds, number of clips, whether it has sound, sha256, and its problem if any. A video that is missing
    or broken has no clips. Without --videos, the grid follows the annotated durations, for features that were made
    elsewhere.
    """
    from feature_extractors.media import examine_all
    from feature_extractors.media.in_flight import InFlight
    from feature_extractors.shards import videos_of
    from feature_extractors.video_files import locate_videos
    from formats.annotations import read_annotations
    from formats.video_table import annotated_videos, write_table

    clips = ManifestStage.from_json(arguments.config).clips
    check_shard(arguments)
    rows = read_annotations(arguments.annotations)
    vids = videos_of(rows, arguments.shard, arguments.shards)
    with owning(arguments.out):
        flight = InFlight(arguments.out.with_name(arguments.out.name + ".part"))
        if arguments.videos:
            folder = Path(arguments.videos)
            if not folder.is_dir():
                raise UserError(f"{folder}: no such folder")
            files, causes = locate_videos(folder, vids)
            table = examine_all(folder, vids, files, causes, clips, flight)
        else:
            table = annotated_videos(rows, vids, clips)
        broken = [f"{video.file or video.vid}: {video.problem}" for video in table if not video.n_clips]
        if broken and arguments.broken_videos == "stop":
            raise UserError(f"{arguments.videos}: {len(broken)} of {len(table)} videos are broken: {'; '.join(broken)}")
        for video in table:
            if video.problem:
                _log.warning("%s: %s", video.file or video.vid, video.problem)
        write_table(arguments.out, table)
        flight.forget()
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


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("manifest", manifest)
    add_shard(parser)
    add_optional(parser, "--videos", metavar="DIR", text="folder of the media files (default: use annotated durations)")
    add_config(parser, "section clips")
    parser.add_output("--out", required=True, metavar="FILE", help="the video table to write")
    add_policy(parser)
