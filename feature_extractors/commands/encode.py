"""The verb `encode`: write one stream of one shard to one store."""

from __future__ import annotations

import argparse
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from cli import Command, Settings, UserError, whole_number
from cli.configuration import add_config, read_config
from cli.device import add_device, warn_if_slow
from feature_extractors.commands.arguments import add_optional, check_shard
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import ClipStream, QueryStream, Stage

CLIP_ARGUMENTS = ("manifest", "videos")
QUERY_ARGUMENTS = ("annotations", "shard", "shards")


def encode(arguments: argparse.Namespace) -> None:
    """Encode the clips of videos, or queries, as one feature stream into an HDF5 store.

    A clip stream reads a video table (--manifest) and the media files (--videos). A query stream reads annotation
    files (--annotations) and encodes the queries about the videos of one shard.
    """
    stream = STREAMS[arguments.stream]
    _check_arguments(arguments, stream)

    import torch

    from feature_extractors.encoders.device import use_device
    from feature_extractors.shards import queries_of
    from formats.annotations import read_annotations
    from formats.video_table import read_table

    device = use_device(arguments.device, arguments.threads)
    stage: Any = read_stage(arguments.config, stream)
    warn_if_slow("encoding.precision", stage.encoding.precision, str(device), torch.ops.mkldnn)
    # Read the input before loading the network, which takes longest.
    if isinstance(stream, ClipStream):
        made_ns = arguments.manifest.stat().st_mtime_ns if arguments.manifest.is_file() else 0
        videos = read_table(arguments.manifest)
        clip_encoder = stream.load(stage, arguments.weights, device)
        clip_encoder.write(stream.name, stage, videos, arguments.videos, arguments.out, device, made_ns)
    else:
        queries = queries_of(read_annotations(arguments.annotations), arguments.shard, arguments.shards)
        text_encoder = stream.load(stage, arguments.weights, device)
        text_encoder.write(stream.name, stage, queries, arguments.out, device)


def read_stage(text: str, stream: ClipStream | QueryStream) -> Stage:
    """The settings of a stream in the value of `--config`: those keys that it reads, where a file has a whole study.

    Raises:
        UserError: a key is unknown or has a wrong value, or the file cannot be parsed.
    """
    given = read_config(text)
    if given.is_file and isinstance(given.values, dict):
        values = dict(given.values)
        for section, keys in _others_keys(stream).items():
            if isinstance(values.get(section), dict):
                values[section] = {key: value for key, value in values[section].items() if key not in keys}
        given = replace(given, values=values)
    return stream.stage.from_config(given)


def _others_keys(stream: ClipStream | QueryStream) -> dict[str, set[str]]:
    """By section, the keys of a study that the stream does not read: those of other streams, and `weights`."""
    own, every = _keys_of(stream.stage), dict[str, set[str]]()
    for other in STREAMS.values():
        for section, keys in _keys_of(other.stage).items():
            every.setdefault(section, set()).update(keys)
        if other.weights is not None:
            names = {field.name for field in fields(other.weights.settings)}  # type: ignore[arg-type]
            every.setdefault(other.weights.section, set()).update(names)
    return {section: keys - own.get(section, set()) for section, keys in every.items()}


def _keys_of(stage: type[Settings]) -> dict[str, set[str]]:
    hints = get_type_hints(stage)
    return {section: {field.name for field in fields(hint)} for section, hint in hints.items() if is_dataclass(hint)}


def _check_arguments(arguments: argparse.Namespace, stream: ClipStream | QueryStream) -> None:
    """Check that the arguments of the stream's kind are given, and none of the other kind's."""
    of_clips = isinstance(stream, ClipStream)
    needed, needless = (CLIP_ARGUMENTS, QUERY_ARGUMENTS) if of_clips else (QUERY_ARGUMENTS, CLIP_ARGUMENTS)
    kind = "the clips of videos" if of_clips else "queries"
    for name in needed:
        if getattr(arguments, name) is None:
            raise UserError(f"--{name}: required, because {stream.name} encodes {kind}")
    for name in needless:
        if getattr(arguments, name) is not None:
            raise UserError(f"--{name}: has no effect, because {stream.name} encodes {kind}")
    if stream.weights is not None and not stream.weights.tag and not arguments.weights:
        raise UserError(f"--weights: required by {stream.name}")
    if not of_clips:
        check_shard(arguments)


def add_verbs(command: Command) -> None:
    """Add the verb and its arguments."""
    parser = command.verb("encode", encode)
    parser.add_argument(
        "--stream", choices=list(STREAMS), required=True, help="stream to make; it sets the input and the encoder"
    )
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="clip streams: video table made by `manifest`")
    parser.add_argument("--videos", type=Path, metavar="DIR", help="clip streams: folder of the media files")
    parser.add_argument("--annotations", type=Path, nargs="+", metavar="FILE", help="query streams: QVHighlights JSONL")
    parser.add_argument("--shard", type=int, help="query streams: index of this shard, from 0")
    parser.add_argument("--shards", type=whole_number(1), help="query streams: total number of shards")
    add_optional(
        parser,
        "--weights",
        metavar="PATH",
        text="the encoder's weights: file, folder, or hub:owner/name for CLAP (default: those that the settings name)",
    )
    add_config(parser, "the configuration sections that the stream uses")
    parser.add_output("--out", required=True, metavar="H5", help="the store to write")
    add_device(parser)
