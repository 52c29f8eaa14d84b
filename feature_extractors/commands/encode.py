"""The verbs that encode media and queries: visual, text, audio."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli import Command
from feature_extractors.commands.arguments import add_encoding, add_shard, add_videos, check_shard


def visual(arguments: argparse.Namespace) -> None:
    """Encode the frame at each clip's centre, or several spread over it, with CLIP."""
    from feature_extractors.encoders.clip.model import find_weights
    from feature_extractors.encoders.clip.visual import VisualStage, extract
    from feature_extractors.encoders.device import use_device
    from formats.video_table import read_table

    stage = VisualStage.from_json(arguments.config)
    device = use_device(arguments.device, arguments.threads)
    videos = read_table(arguments.manifest)
    weights = find_weights(stage.clip, arguments.weights)
    extract(stage, videos, arguments.videos, weights, arguments.out, device)


def text(arguments: argparse.Namespace) -> None:
    """Encode the queries about the videos of one shard with CLIP."""
    from feature_extractors.encoders.clip.model import find_weights
    from feature_extractors.encoders.clip.text import TextStage, extract
    from feature_extractors.encoders.device import use_device
    from feature_extractors.shards import queries_of
    from formats.annotations import read_annotations

    stage = TextStage.from_json(arguments.config)
    check_shard(arguments)
    rows = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
    weights = find_weights(stage.clip, arguments.weights)
    extract(stage, rows, weights, arguments.out, use_device(arguments.device, arguments.threads))


def audio(arguments: argparse.Namespace) -> None:
    """Encode the sound of each clip with PANN Cnn14 (--encoder pann) or CLAP (--encoder clap)."""
    from feature_extractors.encoders.audio.clap import find_checkpoint
    from feature_extractors.encoders.audio.extract import ClapStage, PannStage, extract_clap, extract_pann
    from feature_extractors.encoders.device import use_device
    from formats.video_table import read_table

    videos = read_table(arguments.manifest)
    device = use_device(arguments.device, arguments.threads)
    if arguments.encoder == "pann":
        files = arguments.videos, Path(arguments.weights), arguments.out
        extract_pann(PannStage.from_json(arguments.config), videos, *files, device)
    else:
        files = arguments.videos, find_checkpoint(arguments.weights), arguments.out
        extract_clap(ClapStage.from_json(arguments.config), videos, *files, device)


def add_verbs(command: Command) -> None:
    """Add the verbs of this module and their arguments."""
    parser = command.verb("visual", visual)
    add_videos(parser)
    add_encoding(
        parser, "clips, clip, visual, encoding", "CLIP checkpoint; without: the open_clip tag in clip.pretrained"
    )

    parser = command.verb("text", text)
    add_shard(parser)
    add_encoding(parser, "clip, encoding", "CLIP checkpoint; without: the open_clip tag in clip.pretrained")

    parser = command.verb("audio", audio)
    parser.add_argument("--encoder", choices=["pann", "clap"], required=True)
    add_videos(parser)
    weights = "Cnn14 checkpoint; or a directory with a CLAP checkpoint, or hub:owner/name of one"
    add_encoding(parser, "clips, encoding and pann or clap", weights, needed=True)
