"""The key `bundle`: a folder with a network and its encoders stands for the sections that say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli import UserError
from feature_extractors.weights.catalogue import FOLDER, PREFIX
from formats.bundle import CHECKPOINT, BundleFile, read_bundle, sections_of

Config = dict[str, Any]


def take_bundle(config: Config, given: Config | None) -> tuple[Config, Config | None, BundleFile | None]:
    """Put what a bundle says into the configuration: checkpoint, encoders, clip grid, and the length of windows.

    Args:
        config: config.yaml with what the user gives.
        given: what the user gives; None = all of it.

    Returns:
        both with the bundle's sections, and the bundle; without the key `bundle` both as they are, and None.

    Raises:
        UserError: the bundle is missing or damaged, or a key that the user gives contradicts it.
    """
    if not isinstance(config.get("bundle"), str) or not config["bundle"]:
        return config, given, None
    folder = _find_folder(config["bundle"])
    try:
        bundle = read_bundle(folder)
    except UserError as problem:
        raise UserError(f"config: bundle: {problem}") from None
    own = config if given is None else given
    if own.get("checkpoint"):
        raise UserError(f"config: checkpoint: has no effect with bundle: {folder} has one: leave one of them out")
    sections = sections_of(bundle, folder)
    _check_agreement(own, sections, folder)
    taken = {**sections, "checkpoint": str(folder / CHECKPOINT), "inference": _window(config, own, bundle)}
    return {**config, **taken}, None if given is None else {**given, **taken}, bundle


def _find_folder(text: str) -> Path:
    """The folder of a bundle; a published one must have been fetched, because no job fetches it."""
    if not text.startswith(PREFIX):
        return Path(text).expanduser()
    name = text.removeprefix(PREFIX)
    folder = FOLDER / name / "bundle"
    if not folder.is_dir():
        raise UserError(f"config: bundle: {text} is not fetched yet: python -m av_highlights fetch {name}")
    return folder


def _check_agreement(own: Config, sections: Config, folder: Path) -> None:
    for section, values in sections.items():
        given = own.get(section)
        for key, value in (given if isinstance(given, dict) else {}).items():
            # Snakemake passes what is nested in `--config` as text.
            if key in values and values[key] != value and str(values[key]) != str(value):
                contradiction = f"is {value!r}, but {values[key]!r} in the bundle {folder}: leave the key out"
                raise UserError(f"config: {section}.{key} {contradiction}")


def _window(config: Config, own: Config, bundle: BundleFile) -> Any:
    """The section `inference`, with the bundle's length of windows unless the user chooses one."""
    section = config.get("inference", {})
    chosen = own.get("inference", {})
    if not isinstance(section, dict) or not isinstance(chosen, dict) or "window_seconds" in chosen:
        return section
    return {**section, "window_seconds": bundle.window_seconds}
