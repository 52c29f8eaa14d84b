"""The streams of a study as the workflow sees them: what makes each, from which files, with which settings.

Everything about one encoder comes from the registry; nothing here names one. Functions take the checked configuration
and the name of a stream that is made here (not imported).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cli import UserError, canonical_json
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import ClipStream
from feature_extractors.released import ImportConfig

Config = dict[str, Any]


def imported_streams(config: Config) -> dict[str, ImportConfig]:
    """The streams that are made from released files, by name."""
    return {
        stream: ImportConfig.from_dict(settings, where=f"config: imported.{stream}")
        for stream, settings in config["imported"].items()
    }


def check_streams(config: Config, streams: Iterable[str]) -> None:
    """Check that every stream can be made.

    Raises:
        UserError: nothing makes a stream, or it is made from videos and there are none.
    """
    for stream in streams:
        if stream in config["imported"]:
            continue
        if stream not in STREAMS:
            known = ", ".join([*STREAMS, *config["imported"]])
            raise UserError(f"config: model: no stream {stream!r} (there are: {known}; others are made by imported)")
        if isinstance(STREAMS[stream], ClipStream) and not config["dataset"]["videos"]:
            raise UserError(f"config: dataset.videos: empty, but stream {stream} is made from videos (or by imported)")


def check_weights(config: Config, streams: Iterable[str], made: str) -> None:
    """Check that the encoders' weights are there, or are such as the workflow or a library fetches.

    Args:
        made: a folder that the workflow fills itself.

    Raises:
        UserError: naming the key and the file.
    """
    for stream in streams:
        key = STREAMS[stream].weights if stream in STREAMS and stream not in config["imported"] else None
        if key is not None:
            key.check(config, Path(made))


def is_of_clips(stream: str) -> bool:
    """Whether a stream encodes the clips of videos, and not queries."""
    return isinstance(STREAMS[stream], ClipStream)


def weight_files(config: Config, stream: str) -> list[Path]:
    """The files of an encoder's weights that the workflow can see; of a checkpoint in a library's cache, none."""
    key = STREAMS[stream].weights
    return key.files(config) if key is not None else []


def weights_argument(config: Config, stream: str) -> str:
    """What `--weights` is given: a file or folder, what the command finds in a cache, or nothing."""
    key = STREAMS[stream].weights
    return key.argument(config) if key is not None else ""


def further_files(config: Config, stream: str) -> list[Path]:
    """Other files that an encoder's settings name."""
    return STREAMS[stream].files(config)


def encode_json(config: Config, stream: str) -> str:
    """Canonical JSON of what a stream consumes of the configuration, with its code version: `--config`."""
    return canonical_json(STREAMS[stream].settings(config))


def encode_source(config: Config, stream: str, shard: str) -> str:
    """The options that tell the command what one shard of a stream is encoded from, quoted for a shell."""
    dataset = config["dataset"]
    if is_of_clips(stream):
        options = ["--manifest", f"manifests/{dataset['name']}/{shard}.jsonl", "--videos", dataset["videos"]]
    else:
        options = ["--annotations", *dataset["annotations"].values()]
        options += ["--shard", shard, "--shards", str(dataset["shards"])]
    return shlex.join(options)
