"""The bundle, one folder that predicts anywhere: the writer, reader and checks of its file `bundle.json`.

A bundle holds the checkpoint of a network, the settings of the encoders whose features it was trained on, and their
weights, or the names under which weights are published. It is distrusted: only files inside the folder are read, and
only if their sha256 is the recorded one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field

from cli import Settings, UserError, canonical_json
from cli.errors import no_such
from formats.grid import CLIP_SECONDS
from formats.rows import parse_json

FORMAT = 1
NAME = "bundle.json"
CHECKPOINT = "checkpoint.pt"
DEMO_WARNING = "the demo's network knows drawn shapes and synthetic sounds: about other videos its answers mean nothing"
"""Goes with every answer of a bundle that is marked `demo`."""
PATH_KEYS = ("definition", "tokenizer")
"""Keys of encoders' sections that name a file or folder; it lies inside the bundle."""
SHORTEST_WINDOW = 2 * CLIP_SECONDS
"""Seconds: the least that prediction in windows takes."""
_MOST_BYTES = 1 << 20

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, kw_only=True)
class WeightsEntry(Settings):
    """The weights of one section."""

    path: str
    """File or folder inside the bundle, or a name as in the configuration: published:NAME, hub:owner/name, or empty for
    those of a library's tag."""
    sha256: Digest
    """Digest of the file; of several files, that of their digests, as checkpoints record it."""

    @property
    def is_inside(self) -> bool:
        """Whether the weights lie inside the bundle."""
        return bool(self.path) and ":" not in self.path


@dataclass(frozen=True, kw_only=True)
class BundleFile(Settings):
    """The content of bundle.json."""

    format: int
    """Version of this format."""
    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Short name, for tables."""
    description: Annotated[str, Field(max_length=2000)]
    """One line about what the network was trained on."""
    demo: bool = False
    """Whether it was trained on the demo's made-up videos, so that answers on other videos mean nothing."""
    window_seconds: Annotated[float, Field(ge=SHORTEST_WINDOW, allow_inf_nan=False)]
    """Length of the longest training video: longer videos are predicted in windows of at most this length."""
    encoders: dict[str, dict[str, Any]]
    """The sections of the configuration that the network's streams consume."""
    weights: dict[str, WeightsEntry]
    """The encoders' weights, by section."""
    files: dict[str, Digest]
    """sha256 of each file in the folder, except this one."""


def read_bundle(folder: Path) -> BundleFile:
    """Read bundle.json and compare every file that it lists.

    Raises:
        UserError: the folder or a file is missing, damaged, malformed or outside the folder, or the format is newer.
    """
    if folder.is_file():
        raise UserError(f"{folder}: a file, and not a bundle, which is a folder that the verb `bundle` makes")
    if not folder.is_dir():
        raise UserError(no_such("bundle", folder))
    about = folder / NAME
    if not about.is_file():
        raise UserError(f"{folder}: not a bundle: it has no {NAME}")
    _check_inside(folder, NAME, about)
    if about.stat().st_size > _MOST_BYTES:
        raise UserError(f"{about}: larger than any bundle's: {about.stat().st_size:,} bytes")
    try:
        values = parse_json(about.read_text(encoding="utf-8"), str(about))
    except UnicodeDecodeError:
        raise UserError(f"{about}: not UTF-8") from None
    if not isinstance(values, dict) or type(values.get("format")) is not int:
        raise UserError(f"{about}: not a bundle: it names no format")
    if values["format"] != FORMAT:
        later = f", made by a later version: update av-highlights, which reads format {FORMAT}"
        raise UserError(f"{about}: format {values['format']}{later if values['format'] > FORMAT else ' is unknown'}")
    bundle = BundleFile.from_dict(values, where=str(about))
    for name, digest in bundle.files.items():
        _check_file(folder, name, digest)
    if CHECKPOINT not in bundle.files:
        raise UserError(f"{about}: files: {CHECKPOINT} is missing")
    for section, entry in bundle.weights.items():
        if entry.is_inside:
            _check_listed(bundle, entry.path, f"{about}: weights.{section}.path")
    for section, keys in bundle.encoders.items():
        for key in PATH_KEYS:
            if keys.get(key):
                _check_listed(bundle, keys[key], f"{about}: encoders.{section}.{key}")
    return bundle


def render_bundle(bundle: BundleFile) -> str:
    """The text of bundle.json: equal bundles give equal bytes."""
    return json.dumps(json.loads(canonical_json(bundle.to_dict())), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def sections_of(bundle: BundleFile, folder: Path) -> dict[str, dict[str, Any]]:
    """The sections as in a configuration: with the key `weights`, and paths that start from `folder`."""
    sections = {
        section: {key: _placed(folder, value) if key in PATH_KEYS else value for key, value in keys.items()}
        for section, keys in bundle.encoders.items()
    }
    for section, entry in bundle.weights.items():
        sections.setdefault(section, {})["weights"] = _placed(folder, entry.path) if entry.is_inside else entry.path
    return sections


def list_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of files in a folder, for `BundleFile.files`."""
    return {name: _digest(folder / name) for name in sorted(names)}


def _placed(folder: Path, path: str) -> str:
    return str(folder / path) if path else path


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _check_file(folder: Path, name: str, digest: str) -> None:
    file = folder / name
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or str(Path(*parts)) != name:
        raise UserError(f"{folder / NAME}: files: {name!r} is not a path inside the bundle")
    if not file.is_file():
        raise UserError(f"{file}: missing from the bundle")
    _check_inside(folder, name, file)
    if _digest(file) != digest:
        raise UserError(f"{file}: damaged or changed: its sha256 is not that in {NAME}: make or fetch the bundle again")


def _check_inside(folder: Path, name: str, file: Path) -> None:
    if not file.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{folder}: {name} is a link that leaves the bundle")


def _check_listed(bundle: BundleFile, path: object, where: str) -> None:
    """Check that a path is a listed file, or a folder of listed files."""
    listed = isinstance(path, str) and any(name == path or name.startswith(f"{path}/") for name in bundle.files)
    if not listed:
        raise UserError(f"{where}: {path!r} is not among the bundle's files")


def weights_files(bundle: BundleFile, section: str) -> Mapping[str, str]:
    """The listed files of a section's weights with their sha256; none if they lie elsewhere."""
    path = bundle.weights[section].path
    return {name: digest for name, digest in bundle.files.items() if name == path or name.startswith(f"{path}/")}
