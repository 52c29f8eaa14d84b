"""The verb `import-checkpoint`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from cli import Command

_log = logging.getLogger("model")


def import_checkpoint(arguments: argparse.Namespace) -> None:
    """Convert a checkpoint of QD-DETR or of its gated variant to this project's format, without running its code."""
    from model.reference import checkpoint

    streams = arguments.video_streams, arguments.audio_streams, arguments.text_stream
    network = checkpoint.import_checkpoint(arguments.checkpoint, arguments.out, *streams)
    _log.info("%s: fusion %s, inputs %s", arguments.out, network.config.fusion, network.dims)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("import-checkpoint", import_checkpoint)
    parser.add_argument(
        "--checkpoint", type=Path, required=True, metavar="CKPT", help="the reference's model_best.ckpt"
    )
    parser.add_output("--out", required=True, metavar="PT", help="checkpoint to write")
    parser.add_argument("--video-streams", nargs="+", required=True, metavar="NAME", help="in training order")
    parser.add_argument("--audio-streams", nargs="+", default=["pann"], metavar="NAME", help="default: pann")
    parser.add_argument("--text-stream", default="clip_text", metavar="NAME", help="default: clip_text")
