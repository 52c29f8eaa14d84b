"""The verb `strip`: one video at a glance."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command, UserError

_log = logging.getLogger(__name__)


def strip(arguments: argparse.Namespace) -> None:
    """Write frames and sound of one video, small enough for a picture of it (`python -m eval plot-example`).

    A video that cannot be read has neither; one line says why.
    """
    import numpy as np

    from feature_extractors.media.container import Problems
    from feature_extractors.media.strip import make_strip
    from formats.strip import Strip, write_strip
    from formats.video_table import read_table

    videos = {video.vid: video for video in read_table(arguments.manifest)}
    if arguments.vid not in videos:
        raise UserError(f"{arguments.manifest}: no video {arguments.vid!r}")
    video, problems = videos[arguments.vid], Problems()
    seconds = max(video.n_clips, 1) * arguments.clip_seconds
    made = Strip(video.vid, seconds, np.zeros((0, 0, 0, 3), np.uint8), np.zeros((0, 0), np.float32))
    if video.n_clips and video.file:
        try:
            made = make_strip(arguments.videos, video, seconds, problems)
        except UserError as problem:
            problems.add(str(problem))
    else:
        problems.add(video.problem or "no media file")
    if str(problems):
        _log.warning("%s: %s", video.file or video.vid, problems)
    write_strip(arguments.out, made)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("strip", strip)
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="video table of `manifest`")
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument("--vid", required=True, help="the video")
    parser.add_argument("--clip-seconds", type=float, default=2.0, help="length of a clip (default: 2)")
    parser.add_output("--out", required=True, metavar="FILE", help="the strip to write (.npz)")
