"""The verb `reel`."""

from __future__ import annotations

import argparse
import logging
import re
from fractions import Fraction
from pathlib import Path

from av_highlights.reel.plan import ORDERS, Plan, make_plan
from cli import Command, UserError
from cli.outputs import check_outputs
from eval.commands.selection import add_selection, number, read_asked
from eval.exchange.names import one_line
from eval.markup import count

_log = logging.getLogger(__name__)


def reel(arguments: argparse.Namespace) -> None:
    """Cut the best moments of videos into one MP4 file, right to the frame, with the sound in step.

    With --predictions the moments are those of a prediction file, without it the relevant_windows of --queries. Moments
    stand in the order of videos and of time; with --target-length, the best ones that fit.

    Example:
      python -m av_highlights reel --predictions P.jsonl --queries Q.jsonl --videos videos --qid 12 --fade 0.5 \\
        --caption --target-length 60 --out reel.mp4
    """
    from av_highlights.reel.writing import write_reel
    from feature_extractors.media.footage import examine_all
    from feature_extractors.video_files import locate_videos

    folder = arguments.videos
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if arguments.out.suffix.lower() != ".mp4":
        raise UserError(f"{arguments.out}: must end in .mp4")
    asked = read_asked(arguments)
    vids = dict.fromkeys(str(row.get("vid")) for row in asked.queries)
    files, causes = locate_videos(folder, vids)
    check_outputs([arguments.out], list(files.values()))
    footage = {one.vid: one for one in examine_all(folder, files, causes)}
    for one in footage.values():
        if not one.frames:
            _log.warning("left out: %s: %s", one.file or one.vid, one.problem)
    order = list(footage)
    cuts = [cut for cuts in asked.select(footage).values() for cut in cuts]
    cuts.sort(key=lambda cut: (order.index(cut.footage.vid), cut.start, cut.end))
    plan = make_plan(cuts, arguments.order, arguments.target_length, arguments.fade, arguments.size, arguments.rate)
    moments = count(len(plan.parts), "moment", "moments")
    _log.info("%s: %s, %.1f s", arguments.out, moments, float(plan.frames / plan.rate))
    if arguments.caption:
        _warn_of_letters(plan)
    write_reel(arguments.out, plan, folder, arguments.caption, arguments.encoder)


def _warn_of_letters(plan: Plan) -> None:
    from eval.plots.style import can_draw

    queries = dict.fromkeys(one_line(part.cut.label) for part in plan.parts)
    boxed = [query for query in queries if not can_draw(query)]
    if boxed:
        queries_have = "query has" if len(boxed) == 1 else "queries have"
        _log.warning("%d %s characters that the font cannot draw: boxes in the caption", len(boxed), queries_have)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text, re.ASCII)
    if match is None or int(match[1]) < 16 or int(match[2]) < 16:
        raise argparse.ArgumentTypeError(f"must be such as 1920x1080, got {text[:40]!r}")
    return int(match[1]), int(match[2])


def _rate(text: str) -> Fraction:
    match = re.fullmatch(r"\d{1,6}(/\d{1,6})?", text, re.ASCII)
    rate = Fraction(text) if match and not text.endswith("/0") else Fraction(0)
    if not 1 <= rate <= 240:
        raise argparse.ArgumentTypeError(f"must be frames per second, such as 25 or 30000/1001, got {text[:40]!r}")
    return rate


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("reel", reel)
    add_selection(parser)
    parser.add_argument("--videos", type=Path, required=True, metavar="DIR", help="folder of the media files")
    parser.add_argument("--order", choices=ORDERS, default="time", help="of the moments (default: time)")
    parser.add_argument("--target-length", type=number(0), metavar="S", help="most seconds of the reel (default: all)")
    parser.add_argument("--fade", type=number(0), default=0.0, metavar="S", help="seconds of a cross-fade (default: 0)")
    parser.add_argument("--caption", action="store_true", help="write query and score onto the pictures")
    parser.add_argument("--size", type=_size, metavar="WxH", help="pixels (default: those of the largest video)")
    parser.add_argument(
        "--rate", type=_rate, metavar="FPS", help="frames per second (default: those of most of the videos)"
    )
    parser.add_argument(
        "--encoder",
        default="auto",
        metavar="NAME",
        help="H.264 encoder of FFmpeg (default: auto, pictures are copied where the cuts allow it, else libx264)",
    )
    parser.add_output("--out", required=True, metavar="FILE", help="the video to write (.mp4)")
