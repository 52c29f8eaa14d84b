"""The description of a feature stream: the settings that it consumes, its weights, and how its encoder is loaded.

Torch-free: the workflow reads this before the first job, and lists of streams are part of every `--help`. An encoder
describes its streams next to its settings and loads its network only in `Stream.load`; `registry` lists all streams.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_type_hints

from pydantic import Field

from cli import Settings, UserError
from cli.errors import no_such
from feature_extractors.weights.catalogue import published_files
from formats.grid import ClipGrid
from formats.rows import Row
from formats.video_table import Video

if TYPE_CHECKING:
    import torch

Config = Mapping[str, Any]
"""The whole configuration, or a section of it."""


OF_DATASET = Field(json_schema_extra={"of_dataset": True})
"""Marks a key whose value in config.yaml belongs to the demo: in another dataset it is as if config.yaml lacked it."""


@dataclass(frozen=True, kw_only=True)
class EncodingConfig(Settings):
    """How all encoders compute and what is kept."""

    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the networks' products, by autocast. Front ends stay in float32; norms do so on GPUs alone. float16
    is for GPUs: on a CPU it takes 5 to 15 times as long as float32. bfloat16 takes 7 to 27 times as long on one
    without AVX-512, and less time than float32 on one with instructions for it."""
    dtype: Literal["float32", "float16"] = "float32"
    """Type of the stored features."""


FULL_PRECISION = EncodingConfig()


@dataclass(frozen=True, kw_only=True)
class Stage(Settings):
    """The sections that every stream consumes.

    `version` is raised when the output changes for unchanged settings: it is part of what Snakemake tracks.
    """

    encoding: EncodingConfig = FULL_PRECISION
    version: int


@dataclass(frozen=True, kw_only=True)
class ClipStage(Stage):
    """The sections that every stream of a video's clips consumes. An encoder's own subclass adds its section."""

    clips: ClipGrid


@dataclass(frozen=True, kw_only=True)
class QueryStage(Stage):
    """The sections that every stream of queries consumes. An encoder's own subclass adds its section."""


def _itself(weights: Path) -> list[Path]:
    return [weights]


@dataclass(frozen=True, kw_only=True)
class WeightsKey:
    """The key `weights` of a section. Its value is a path, `published:NAME`, or a name that a library resolves.

    Attributes:
        section: the configuration section with the key.
        settings: the whole section, including `weights`.
        tag: another key of the section that names weights in a library's cache, used if `weights` is empty.
        hub: prefix of values that a library resolves; empty if there are none.
        folder: whether a path is a folder.
        parts: returns the files that are read from a path.
    """

    section: str
    settings: type[Settings]
    tag: str = ""
    hub: str = ""
    folder: bool = False
    parts: Callable[[Path], list[Path]] = _itself

    def files(self, config: Config) -> list[Path]:
        """The files that the workflow can track; none if a library resolves the weights in its cache.

        Raises:
            UserError: a `published:` name that is not known or belongs to another encoder.
        """
        given = config[self.section]["weights"]
        published = published_files(given, self.section)
        if published is not None:
            return published
        return self.parts(Path(given)) if given and not self._is_resolved_by_library(given) else []

    def argument(self, config: Config) -> str:
        """The value for the command's `--weights`: a path, or a name that the command resolves; may be empty.

        Raises:
            UserError: as `files`.
        """
        given = config[self.section]["weights"]
        published = published_files(given, self.section)
        if published is None:
            return str(given)
        return str(published[0].parent if self.folder else published[0])

    def check(self, config: Config, made: Path) -> None:
        """Check that the weights exist, or that the workflow will make them.

        Args:
            made: the folder of weights that the workflow makes itself.

        Raises:
            UserError: the weights are missing; the message names the key and the file.
        """
        given = config[self.section]["weights"]
        key = f"config: {self.section}.weights"
        if not given:
            if self.tag and config[self.section][self.tag]:
                return
            hint = f", or the tag of published weights in {self.section}.{self.tag}" if self.tag else ""
            raise UserError(f"{key}: empty: give a path or published:NAME{hint}")
        if published_files(given, self.section) is not None or self._is_resolved_by_library(given):
            return
        if not Path(given).is_relative_to(made) and not Path(given).exists():
            raise UserError(f"{key}: {no_such('file or folder', given)}")

    def _is_resolved_by_library(self, given: str) -> bool:
        return bool(self.hub) and given.startswith(self.hub)


def _no_files(config: Config) -> list[Path]:
    return []


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One feature stream, as its encoder's module describes it: a `ClipStream` or a `QueryStream`.

    `load` of either builds the encoder on a device, from the stage's settings and the value of `--weights`. Torch and
    the encoder's library are imported only there.

    Attributes:
        name: the stream's name, also of its folder below features/DATASET/.
        stage: the configuration sections that it consumes.
        weights: the configuration key that names its weights; None for an encoder without any.
        files: further input files that the configuration names.
    """

    name: str
    stage: type[Stage]
    weights: WeightsKey | None = None
    files: Callable[[Config], list[Path]] = _no_files

    def settings(self, config: Config) -> dict[str, Any]:
        """The value for the command's `--config`: the sections with the keys that `stage` has, and the version.

        A key that only another stream of a shared section reads (or no stream, such as `weights`) is left out, so that
        changing it does not re-run this stream.
        """
        found: dict[str, Any] = {}
        for section, settings in get_type_hints(self.stage).items():
            if dataclasses.is_dataclass(settings):
                keys = {field.name for field in dataclasses.fields(settings)}
                found[section] = {key: value for key, value in config[section].items() if key in keys}
        version = {field.name: field.default for field in dataclasses.fields(self.stage)}["version"]
        return {**found, "version": version}


class ClipEncoder(Protocol):
    """A loaded encoder of clips: a `pictures.PictureEncoder` or a `sounds.SoundEncoder`."""

    def write(
        self,
        stream: str,
        stage: ClipStage,
        videos: list[Video],
        folder: Path,
        out: Path,
        device: torch.device,
        made_ns: int = 0,
    ) -> None:
        """Encode the videos of a table, whose files lie in `folder`, into the store `out`.

        Args:
            made_ns: when the table was made, nanoseconds; 0 = every file is read to see whether it was replaced.
        """


class QueryEncoder(Protocol):
    """A loaded encoder of queries: a `texts.TextEncoder`."""

    def write(self, stream: str, stage: QueryStage, queries: list[Row], out: Path, device: torch.device) -> None:
        """Encode queries into the store `out`."""


@dataclass(frozen=True, kw_only=True)
class ClipStream(Stream):
    """A stream with one row per clip of each video, from its pictures or its sound."""

    stage: type[ClipStage]
    load: Callable[[Any, str, torch.device], ClipEncoder]


@dataclass(frozen=True, kw_only=True)
class QueryStream(Stream):
    """A stream with one row per token of each query, and a pooled one."""

    stage: type[QueryStage]
    load: Callable[[Any, str, torch.device], QueryEncoder]


def check_definition(section: str, architecture: str, definition: str) -> None:
    """Check that a definition, if one is given, is that of the architecture: open_clip names it by the file's stem.

    Raises:
        UserError: it defines another one, as one does that is left over from other weights.
    """
    if definition and Path(definition).stem != architecture:
        raise UserError(
            f"{section}.definition: {definition} defines {Path(definition).stem}, but {section}.architecture is "
            f"{architecture}: empty it, or give the file of that architecture"
        )


def definition_of(section: str) -> Callable[[Config], list[Path]]:
    """The `files` of a stream whose section may name an architecture's definition in its key `definition`."""

    def files(config: Config) -> list[Path]:
        definition = config[section]["definition"]
        return [Path(definition)] if definition else []

    return files
