"""The feature streams of a study: which encoder makes each one, from which files and with which settings.

Everything about an encoder comes from the registry; nothing here names one. Functions take the checked configuration
and the name of a stream that is encoded here, not imported.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli import UserError, canonical_json
from cli.errors import no_such
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import ClipStream
from feature_extractors.released.layouts import Id, ImportConfig, check_folders
from feature_extractors.weights.catalogue import FOLDER
from model.config import ModelConfig

Config = dict[str, Any]


def imported_streams(config: Config) -> dict[str, ImportConfig]:
    """Streams made from released files, by name."""
    return {
        stream: ImportConfig.from_dict(settings, where=f"config: imported.{stream}")
        for stream, settings in config["imported"].items()
    }


def check_released(imported: Mapping[str, ImportConfig], streams: Iterable[str], ids: Sequence[Id]) -> None:
    """Check that the released files of the streams that are read are there, in their layout and width.

    Raises:
        UserError: naming the stream, the folder or file, and what is there instead.
    """
    for stream in streams:
        if stream in imported:
            try:
                check_folders(imported[stream], ids)
            except UserError as problem:
                raise UserError(f"config: imported.{stream}: {problem}") from None


def check_streams(config: Config, streams: Iterable[str]) -> None:
    """Check that every stream can be made.

    Raises:
        UserError: a stream is unknown, or it is encoded from videos and none are configured.
    """
    for stream in streams:
        if stream in config["imported"]:
            continue
        if stream not in STREAMS:
            known = ", ".join([*STREAMS, *config["imported"]])
            raise UserError(f"config: model: unknown stream {stream!r} (known: {known}; add others under imported)")
        if isinstance(STREAMS[stream], ClipStream) and not config["dataset"]["videos"]:
            raise UserError(
                f"config: dataset.videos is empty, but stream {stream} is encoded from videos: set the folder, or"
                " import the stream"
            )


def check_inputs(config: Config, run: str, model: ModelConfig) -> None:
    """Check that a run reads video and audio from streams of clips, and text from one of queries.

    Imported streams are not checked: their files say what they hold when they are read.

    Raises:
        UserError: a stream is of the other kind; the message names the run and the key.
    """
    inputs = [("video_streams", model.video_streams, True), ("text_stream", (model.text_stream,), False)]
    if model.reads_audio:
        inputs.append(("audio_streams", model.audio_streams, True))
    for key, streams, of_clips in inputs:
        for stream in streams:
            if stream not in config["imported"] and is_of_clips(stream) != of_clips:
                kinds = ("clips", "queries") if of_clips else ("queries", "clips")
                raise UserError(f"config: run {run}: model.{key} must be of {kinds[0]}, but {stream} is of {kinds[1]}")


def check_settings(config: Config, streams: Iterable[str]) -> None:
    """Check the settings of the encoders as their jobs do, and the files that they name.

    Raises:
        UserError: a setting that the encoder refuses, or a file that does not exist.
    """
    for stream in streams:
        if stream in STREAMS and stream not in config["imported"]:
            STREAMS[stream].stage.from_dict(encode_settings(config, stream), where="config")
            for file in further_files(config, stream):
                if not file.is_file():
                    raise UserError(f"config: stream {stream}: {no_such('file', file)}")


def check_weights(config: Config, streams: Iterable[str], made: str) -> None:
    """Check that the encoders' weights exist, or that the workflow or a library fetches them.

    Args:
        made: a folder that the workflow fills itself.

    Raises:
        UserError: weights are missing; the message names the key and the file.
    """
    for stream in streams:
        key = STREAMS[stream].weights if stream in STREAMS and stream not in config["imported"] else None
        if key is not None:
            key.check(config, Path(made))
            mirror, missing = config["weights_mirror"], [file for file in key.files(config) if not file.exists()]
            if mirror and any(file.is_relative_to(FOLDER) for file in missing) and not Path(mirror).is_dir():
                raise UserError(f"config: weights_mirror: {no_such('folder', mirror)}")


def is_of_clips(stream: str) -> bool:
    """Whether a stream encodes clips of videos rather than queries."""
    return isinstance(STREAMS[stream], ClipStream)


def weight_files(config: Config, stream: str) -> list[Path]:
    """Files of an encoder's weights that the workflow can see; none if they are in a library's cache."""
    key = STREAMS[stream].weights
    return key.files(config) if key is not None else []


def weights_argument(config: Config, stream: str) -> str:
    """The value of `--weights`: a file or folder, a name that the command looks up in a cache, or nothing."""
    key = STREAMS[stream].weights
    return key.argument(config) if key is not None else ""


def further_files(config: Config, stream: str) -> list[Path]:
    """Other files that an encoder's settings name."""
    return STREAMS[stream].files(config)


def encode_json(config: Config, stream: str) -> str:
    """The value of `--config`: canonical JSON of the settings that a stream reads, with its code version."""
    return canonical_json(encode_settings(config, stream))


def encode_settings(config: Config, stream: str) -> Config:
    """The settings that a stream reads, with its code version."""
    return STREAMS[stream].settings(config)


def encode_source(config: Config, stream: str, shard: str) -> str:
    """The options that name the inputs of one shard of a stream, quoted for a shell."""
    dataset = config["dataset"]
    if is_of_clips(stream):
        options = ["--manifest", f"manifests/{dataset['name']}/{shard}.jsonl", "--videos", dataset["videos"]]
    else:
        options = ["--annotations", *dataset["annotations"].values()]
        options += ["--shard", shard, "--shards", str(dataset["shards"])]
    return shlex.join(options)
