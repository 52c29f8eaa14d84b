"""The verb `previews`: what pages show of videos."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError, track, whole_number
from cli.outputs import check_outputs

_log = logging.getLogger(__name__)
MOST = 30


def previews(arguments: argparse.Namespace) -> None:
    """Write what pages show of the videos of some queries (`python -m eval explore`): strips of small pictures.

    The table says whether browsers play a video; --transcode makes H.264/AAC copies of those that they do not. A video
    that cannot be read has no pictures; one line says why.
    """
    from dataclasses import replace

    from feature_extractors.media.previews import copy_for_browsers, make_preview
    from formats.annotations import read_annotations
    from formats.strip import TABLE, Preview, write_previews
    from formats.video_table import read_table

    out: Path = arguments.out_dir
    asked = {row["vid"] for row in read_annotations(arguments.queries)} if arguments.queries else None
    videos = [video for file in arguments.manifest for video in read_table(file)]
    shown = [video for video in videos if asked is None or video.vid in asked]
    if not shown:
        raise UserError(f"{arguments.manifest[0]}: has none of the videos of the queries")
    # Ids of videos may be no file names.
    names = [f"{number:05d}" for number in range(len(shown))]
    written = [out / f"{name}{suffix}" for name in names for suffix in (".jpg", ".mp4")]
    check_outputs([*written, out / TABLE], [arguments.videos / video.file for video in shown if video.file])
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for name, video in zip(names, track(shown, "previews", total=len(shown)), strict=True):
        try:
            preview = make_preview(arguments.videos, video, arguments.clip_seconds, arguments.most, name, out)
            if arguments.transcode and preview.codecs and not preview.plays:
                copy_for_browsers(arguments.videos / video.file, out / f"{name}.mp4")
                preview = replace(preview, copy=f"{name}.mp4")
        except UserError as problem:
            seconds = max(video.n_clips, 1) * arguments.clip_seconds
            preview = Preview(vid=video.vid, file=video.file, seconds=seconds, problem=str(problem))
        if preview.problem:
            _log.warning("%s: %s", video.file or video.vid, preview.problem)
        made.append(preview)
    write_previews(out, made)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("previews", previews)
    parser.add_argument(
        "--manifest", type=Path, nargs="+", required=True, metavar="FILE", help="video tables of `manifest`"
    )
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument(
        "--queries", type=Path, nargs="*", default=[], metavar="Q.jsonl", help="only the videos of these rows"
    )
    parser.add_argument("--clip-seconds", type=float, default=2.0, help="length of a clip (default: 2)")
    parser.add_argument(
        "--most", type=whole_number(1), default=MOST, metavar="N", help=f"most pictures per video (default: {MOST})"
    )
    parser.add_argument(
        "--transcode", action="store_true", help="also copy videos that browsers do not play, as H.264 and AAC"
    )
    parser.add_output_folder("--out-dir", required=True, metavar="DIR", help="folder to write to")
