"""A bundle that was read and checked: what `find` needs to encode a video and to predict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from cli import Settings, UserError
from cli.errors import unknown_key
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import ClipStage, Stage, WeightsKey
from feature_extractors.fingerprints import combine
from feature_extractors.weights.catalogue import PREFIX, known_weights
from formats.bundle import CHECKPOINT, NAME, BundleFile, WeightsEntry, read_bundle, sections_of, weights_files
from formats.grid import CLIP_SECONDS
from model.config import ModelConfig
from model.data.origins import Origin, check_origins, describe_settings
from model.summary import Summary, summarise_checkpoint

Sections = Mapping[str, Mapping[str, Any]]
"""Sections of a configuration by name, as plain values; those of encoders have the key `weights`."""


@dataclass(frozen=True, kw_only=True)
class EncoderWeights:
    """The weights of one section of encoders.

    Attributes:
        path: file or folder, inside the bundle or below weights/published; None if a library's cache has them.
        files: the files that are read; published ones may not have been fetched yet.
        sha256: digest of the file; of several files, that of their digests in order.
        published: the name in the catalogue of published weights; empty for weights inside the bundle.
    """

    path: Path | None
    files: tuple[Path, ...]
    sha256: str
    published: str = ""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """One folder that predicts anywhere.

    Attributes:
        folder: the folder.
        name: short name, for tables.
        description: one line about what the network was trained on.
        demo: whether it was trained on the demo's made-up videos: answers on other videos then need a warning.
        checkpoint: the network, in this project's format.
        model: the configuration of the network.
        window_seconds: length of the longest training video; longer videos are predicted in windows of this length.
        clip_seconds: length of a clip.
        sections: the sections that the streams consume, as in a configuration, with the key `weights`.
        stages: the typed settings of each stream that the network reads, as its encoder takes them.
        weights: the weights of each section that has any, such as clip, pann, clap.
    """

    folder: Path
    name: str
    description: str
    demo: bool
    checkpoint: Path
    model: ModelConfig
    window_seconds: float
    clip_seconds: float
    sections: Sections
    stages: Mapping[str, Stage]
    weights: Mapping[str, EncoderWeights]

    @property
    def video_streams(self) -> tuple[str, ...]:
        """The streams of the video input, in order."""
        return self.model.video_streams

    @property
    def audio_streams(self) -> tuple[str, ...]:
        """The streams of the audio input, in order; none if the network hears nothing."""
        return self.model.audio_streams if self.model.reads_audio else ()

    @property
    def text_stream(self) -> str:
        """The stream of the query's tokens."""
        return self.model.text_stream

    @property
    def streams(self) -> tuple[str, ...]:
        """All streams that the network reads."""
        return (*self.video_streams, *self.audio_streams, self.text_stream)

    def weights_argument(self, stream: str) -> str:
        """The value of `weights` for `STREAMS[stream].load`: a path, or a name that a library resolves."""
        key = STREAMS[stream].weights
        return key.argument(self.sections) if key is not None else ""


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check all of it. Published weights that it only names need not be there yet (`fetch_weights`).

    Raises:
        UserError: a file is missing, damaged or outside the folder, bundle.json is malformed or of a later version, or
            the checkpoint was trained on features of other settings or weights.
    """
    folder = Path(folder)
    content = read_bundle(folder)
    where = str(folder / NAME)
    summary = read_network(folder / CHECKPOINT)
    sections = sections_of(content, folder)
    stages = read_stages(summary.model, sections, where)
    weights = {
        key.section: _weights_of(key, content, sections, folder, f"{where}: weights.{key.section}")
        for key in weights_keys(summary.model)
        if key.section in content.weights
    }
    _check_complete(summary.model, content, where)
    digests = {section: entry.sha256 for section, entry in weights.items()}
    check_trained_on(summary, stages, digests, str(folder / CHECKPOINT), NAME)
    return Bundle(
        folder=folder,
        name=content.name,
        description=content.description,
        demo=content.demo,
        checkpoint=folder / CHECKPOINT,
        model=summary.model,
        window_seconds=content.window_seconds,
        clip_seconds=CLIP_SECONDS,
        sections=sections,
        stages=stages,
        weights=weights,
    )


def read_network(checkpoint: Path) -> Summary:
    """What a checkpoint of this project says of its network.

    Raises:
        UserError: as `summarise_checkpoint`; or it is of another project.
    """
    summary = summarise_checkpoint(checkpoint, ModelConfig())
    if summary.is_reference:
        raise UserError(f"{checkpoint}: a checkpoint of QD-DETR's code, which has to be imported")
    return summary


def streams_of(model: ModelConfig) -> tuple[str, ...]:
    """The streams that a network reads."""
    return (*model.video_streams, *(model.audio_streams if model.reads_audio else ()), model.text_stream)


def weights_keys(model: ModelConfig) -> list[WeightsKey]:
    """The keys of the weights of all encoders that a network needs, one per section."""
    keys = {key.section: key for name in streams_of(model) if (key := STREAMS[name].weights) is not None}
    return list(keys.values())


def sections_of_stage(stage: type[Stage]) -> dict[str, type[Settings]]:
    """The sections that a stream consumes, with their classes."""
    hints = get_type_hints(stage).items()
    return {section: hint for section, hint in hints if isinstance(hint, type) and issubclass(hint, Settings)}


def read_stages(model: ModelConfig, sections: Sections, where: str) -> dict[str, Stage]:
    """The typed settings of each stream that a network reads.

    Args:
        sections: as in a configuration; further ones are ignored.
        where: their file, for messages.

    Raises:
        UserError: a stream without an encoder, a section that is missing, or a wrong setting.
    """
    stages: dict[str, Stage] = {}
    for name in streams_of(model):
        if name not in STREAMS:
            known = ", ".join(STREAMS)
            raise UserError(f"{where}: stream {name}, which the network reads, has no encoder (there are: {known})")
        stage = STREAMS[name].stage
        absent = next((section for section in sections_of_stage(stage) if section not in sections), None)
        if absent:
            raise UserError(f"{where}: section {absent} is missing, which stream {name} needs")
        _check_keys(name, sections, where)
        settings = stages[name] = stage.from_dict(STREAMS[name].settings(sections), where=where)
        if isinstance(settings, ClipStage) and settings.clips.seconds != CLIP_SECONDS:
            raise UserError(f"{where}: clips.seconds must be {CLIP_SECONDS:g}, got {settings.clips.seconds:g}")
    return stages


def check_trained_on(
    summary: Summary, stages: Mapping[str, Stage], digests: Mapping[str, str], checkpoint: str, given_by: str
) -> None:
    """Check that a network was trained on features of these settings and weights, if it records them.

    Args:
        digests: sha256 of the weights, by section.

    Raises:
        UserError: naming the stream and the first difference.
    """
    if not summary.features:
        return
    given: dict[str, Origin] = {}
    for name, stage in stages.items():
        recorded = summary.features.get(name)
        if isinstance(recorded, Mapping) and any(str(key).startswith("imported.") for key in recorded):
            raise UserError(f"{checkpoint}: trained on released features of stream {name}, which no encoder here makes")
        key = STREAMS[name].weights
        given[name] = {
            "clip_seconds": stage.clips.seconds if isinstance(stage, ClipStage) else 0.0,
            **describe_settings(json.loads(stage.to_json())),  # lists, as recorded
            **({"weights_sha256": digests[key.section]} if key is not None and key.section in digests else {}),
        }
    check_origins(summary.features, given, checkpoint, given_by)


def _check_complete(model: ModelConfig, content: BundleFile, where: str) -> None:
    """Check that exactly the sections and weights are there that the streams of the network need."""
    keys = {key.section for key in weights_keys(model)}
    absent, needless = keys - content.weights.keys(), content.weights.keys() - keys
    if absent:
        raise UserError(f"{where}: weights.{min(absent)} is missing")
    if needless:
        raise UserError(f"{where}: weights.{min(needless)} is of no encoder that the network needs")
    read = {section for name in streams_of(model) for section in sections_of_stage(STREAMS[name].stage)}
    extra = content.encoders.keys() - read
    if extra:
        raise UserError(f"{where}: encoders.{min(extra)} is of no encoder that the network needs")


def keys_of_section(streams: Iterable[str], section: str) -> list[str]:
    """The keys of a section, as a configuration has them, that any of these streams consumes."""
    classes = (sections_of_stage(STREAMS[name].stage).get(section) for name in streams)
    schemas = (TypeAdapter(settings).json_schema() for settings in classes if settings is not None)
    return list(dict.fromkeys(key for schema in schemas for key in schema["properties"]))


@cache
def _known_keys(section: str) -> list[str]:
    """The keys of a section that any stream consumes."""
    return keys_of_section(STREAMS, section)


def _check_keys(stream: str, sections: Sections, where: str) -> None:
    """Check that the sections of a stream have no unknown key. Keys of other streams of a section are known."""
    for section in sections_of_stage(STREAMS[stream].stage):
        own = STREAMS[stream].weights
        known = [*_known_keys(section), *(["weights"] if own and own.section == section else [])]
        unknown = next((key for key in sections[section] if key not in known), None)
        if unknown is not None:
            raise UserError(f"{where}: {unknown_key(str(unknown), known, section)}")


def _weights_of(key: WeightsKey, content: BundleFile, sections: Sections, folder: Path, where: str) -> EncoderWeights:
    entry = content.weights[key.section]
    if not entry.is_inside:
        return _named_weights(key, entry, sections, where)
    path = folder / entry.path
    files = tuple(key.parts(path))
    listed = weights_files(content, key.section)
    digests = [listed.get(file.relative_to(folder).as_posix(), "") for file in files]
    if not all(digests) or combine(digests) != entry.sha256:
        raise UserError(f"{where}.sha256 is not that of {path}")
    return EncoderWeights(path=path, files=files, sha256=entry.sha256)


def _named_weights(key: WeightsKey, entry: WeightsEntry, sections: Sections, where: str) -> EncoderWeights:
    """Weights outside the bundle. Of published ones the catalogue has the digests, so nothing need be there yet."""
    if not entry.path.startswith(PREFIX):
        if entry.path and not (key.hub and entry.path.startswith(key.hub)):
            raise UserError(f"{where}.path: {entry.path!r} is neither inside the bundle nor a known kind of name")
        return EncoderWeights(path=None, files=(), sha256=entry.sha256)
    try:
        files = tuple(key.files(sections))
        known = known_weights(entry.path.removeprefix(PREFIX))
    except UserError as problem:
        raise UserError(f"{where}: {problem}") from None
    if len(known.files) == 1 and known.files[0].sha256 != entry.sha256:
        raise UserError(f"{where}.sha256 is not that of {entry.path}")
    path = files[0].parent if key.folder else files[0]
    return EncoderWeights(path=path, files=files, sha256=entry.sha256, published=known.name)
