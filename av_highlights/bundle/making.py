"""Make a bundle: check that the parts fit together, copy them, and rename the finished folder into place."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from av_highlights.bundle.loading import (
    Bundle,
    Sections,
    check_trained_on,
    keys_of_section,
    load_bundle,
    read_network,
    read_stages,
    sections_of_stage,
    streams_of,
    weights_keys,
)
from cli import UserError
from cli.outputs import PART, check_folder, remove_leftovers
from feature_extractors.encoders.registry import STREAMS
from feature_extractors.encoders.stream import Stage, WeightsKey
from feature_extractors.fingerprints import fingerprint
from feature_extractors.weights.catalogue import PREFIX, known_weights
from formats.bundle import (
    CHECKPOINT,
    FORMAT,
    NAME,
    PATH_KEYS,
    BundleFile,
    WeightsEntry,
    list_files,
    render_bundle,
)
from model.config import ModelConfig
from model.summary import Summary

Place = Literal["inside", "named"]
"""Where weights are kept: copied into the bundle, or named as in the catalogue of published weights."""
WEIGHTS = "weights"
"""Folder of the weights inside a bundle, one folder per section below it."""
_DEMO_WEIGHTS = Path("weights/demo")


@dataclass(frozen=True, kw_only=True)
class BundleParts:
    """What a bundle is made of.

    Attributes:
        checkpoint: the network, in this project's format.
        sections: the sections of the configuration that the network's streams consume, with the key `weights`; their
            paths start from the working directory.
        where: the source of the sections, for messages.
        name, description, window_seconds: as in `Bundle`.
        demo: as in `Bundle`; None = whether the demo's weights are used.
    """

    checkpoint: Path
    sections: Sections
    where: str
    name: str
    description: str
    window_seconds: float
    demo: bool | None = None


def make_bundle(parts: BundleParts, out: Path, weights: Place | None = None) -> Bundle:
    """Make a bundle and load it. Nothing is left of it if that fails.

    Args:
        out: the folder to make; it must not exist, or be empty.
        weights: where weights are kept; None = published ones are named, others copied.

    Raises:
        UserError: `out` is not empty, a part is missing or malformed, the network was trained on other features, or
            weights cannot be kept in this way.
    """
    check_new(out)
    summary = read_network(parts.checkpoint)
    stages = read_stages(summary.model, parts.sections, parts.where)
    keys = weights_keys(summary.model)
    entries = {key.section: _entry_of(key, parts, weights, summary) for key in keys}
    digests = {section: entry.sha256 for section, entry in entries.items()}
    check_trained_on(summary, stages, digests, str(parts.checkpoint), parts.where)
    with _renamed(out) as folder:
        shutil.copyfile(parts.checkpoint, folder / CHECKPOINT)
        names = [CHECKPOINT]
        for key in keys:
            if entries[key.section].is_inside:
                names += _copy_weights(key, parts.sections, folder)
        encoders = _settle(stages)
        for section, values in encoders.items():
            for name in PATH_KEYS:
                if values.get(name):
                    values[name], copied = _copy(Path(str(values[name])), folder, section)
                    names += copied
        demo = _uses_demo(summary.model, parts.sections) if parts.demo is None else parts.demo
        content = BundleFile(
            format=FORMAT,
            name=parts.name,
            description=" ".join(parts.description.split()),
            demo=demo,
            window_seconds=parts.window_seconds,
            encoders=encoders,
            weights=entries,
            files=list_files(folder, names),
        )
        (folder / NAME).write_text(render_bundle(content), encoding="utf-8")
        load_bundle(folder)
    return load_bundle(out)


def check_new(out: Path) -> None:
    """Check that a folder can be made and that nothing is in it.

    Raises:
        UserError: it holds files, or cannot be written.
    """
    check_folder(out)
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out}: already exists and is not empty: remove it, or name another folder")


@contextmanager
def _renamed(out: Path) -> Iterator[Path]:
    """A temporary folder next to `out`, which becomes `out` at the end."""
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(out)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=PART, dir=out.parent))
    try:
        folder.chmod(0o777 & ~_umask())
        yield folder
        if out.is_dir():
            out.rmdir()
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _entry_of(key: WeightsKey, parts: BundleParts, place: Place | None, summary: Summary) -> WeightsEntry:
    """How the bundle names the weights of a section, and their digest."""
    given = str(parts.sections[key.section].get("weights", ""))
    where = f"{parts.where}: {key.section}.weights"
    if not given and not (key.tag and parts.sections[key.section].get(key.tag)):
        raise UserError(f"{where}: empty: give a path or published:NAME")
    published = given.startswith(PREFIX)
    local = bool(given) and not published and not (key.hub and given.startswith(key.hub))
    if place == "named" and local:
        raise UserError(f"{where}: {given} is not published, so the bundle must hold it: use --weights inside")
    files = key.files(parts.sections)
    if local or (place == "inside" and files):
        return WeightsEntry(path=_inside(key, files), sha256=_fingerprint_of(key, files, where, given))
    if published:
        known = known_weights(given.removeprefix(PREFIX))
        digest = known.files[0].sha256 if len(known.files) == 1 else _fingerprint_of(key, files, where, given)
        return WeightsEntry(path=given, sha256=digest)
    if place == "inside":
        raise UserError(f"{where}: {given or 'the weights of a tag'} lies in a library's cache: use --weights named")
    return WeightsEntry(path=given, sha256=_recorded(key, summary, where))


def _fingerprint_of(key: WeightsKey, files: list[Path], where: str, given: str) -> str:
    _check_there(key, files, where, given)
    return fingerprint(key.parts(files[0].parent) if key.folder else files)


def _check_there(key: WeightsKey, files: list[Path], where: str, given: str) -> None:
    for file in files:
        if not file.is_file():
            fetch = given.removeprefix(PREFIX)
            remedy = f": python -m feature_extractors fetch-weights {fetch}" if given.startswith(PREFIX) else ""
            raise UserError(f"{where}: {file} is missing{remedy}")


def _recorded(key: WeightsKey, summary: Summary, where: str) -> str:
    """The digest of weights in a library's cache, as the checkpoint records it."""
    for name in streams_of(summary.model):
        own = STREAMS[name].weights
        digest = summary.features.get(name, {}).get("weights_sha256")
        if own is not None and own.section == key.section and isinstance(digest, str) and digest:
            return digest
    raise UserError(f"{where}: names weights in a library's cache, whose sha256 the checkpoint does not record")


def _inside(key: WeightsKey, files: list[Path]) -> str:
    return f"{WEIGHTS}/{key.section}" if key.folder else f"{WEIGHTS}/{key.section}/{files[0].name}"


def _settle(stages: Mapping[str, Stage]) -> dict[str, dict[str, Any]]:
    """All keys of the sections that the streams consume, so that later defaults change nothing."""
    found: dict[str, dict[str, Any]] = {}
    for stage in stages.values():
        values = json.loads(stage.to_json())
        for section in sections_of_stage(type(stage)):
            known = keys_of_section(stages, section)
            found.setdefault(section, {}).update({key: values[section][key] for key in known if key in values[section]})
    return found


def _copy_weights(key: WeightsKey, sections: Sections, folder: Path) -> list[str]:
    names = []
    files = key.files(sections)
    for file in key.parts(files[0].parent) if key.folder else files:
        names += _copy(file, folder, key.section)[1]
    return names


def _copy(source: Path, folder: Path, section: str) -> tuple[str, list[str]]:
    """Copy a file or a flat folder below the folder of a section: its path in the bundle, and the files copied."""
    target = f"{WEIGHTS}/{section}/{source.name}"
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        if not source.is_file():
            raise UserError(f"{source}: no such file, which section {section} names")
        shutil.copyfile(source, folder / target)
        return target, [target]
    (folder / target).mkdir()
    names = []
    for file in sorted(source.iterdir()):
        if file.is_file():
            shutil.copyfile(file, folder / target / file.name)
            names.append(f"{target}/{file.name}")
    return target, names


def _uses_demo(model: ModelConfig, sections: Sections) -> bool:
    given = (str(sections[key.section].get("weights", "")) for key in weights_keys(model))
    return any(Path(path).is_relative_to(_DEMO_WEIGHTS) for path in given)
