"""The value of `--config`: JSON, or the name of a file, which may be the configuration of a whole study."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import UserError, one_line

YAML = (".yaml", ".yml")
FILES = (".json", *YAML)
SECTIONS = frozenset(
    {
        "bundle",
        "checkpoint",
        "clap",
        "clip",
        "clips",
        "comparison",
        "conditions",
        "dataset",
        "demo",
        "demo_encoders",
        "dino",
        "encoding",
        "evaluation",
        "imported",
        "inference",
        "main_run",
        "model",
        "pann",
        "plots",
        "runs",
        "seeds",
        "selected_runs",
        "siglip",
        "train",
        "visual",
        "weights_mirror",
    }
)
"""The sections of a study. A file may have all of them, and a command reads its own. A test compares them with
config.yaml's schema."""

MOST_VALUES = 1_000_000
"""Values in a YAML file. No study comes near it; references to references do."""


@dataclass(frozen=True)
class GivenConfig:
    """The parsed value of `--config`.

    Attributes:
        values: as given; a dictionary, if the user made no mistake.
        where: the file, or `--config`, for messages.
        is_file: whether it was read from a file.
    """

    values: Any
    where: str
    is_file: bool

    def select(self, names: Collection[str]) -> Any:
        """The values without those sections of a study that a command does not read.

        Only a file may have such sections; in JSON on the command line they are mistakes. Other keys stay, so that
        unknown ones are found.
        """
        if not self.is_file or not isinstance(self.values, dict):
            return self.values
        return {key: value for key, value in self.values.items() if key in names or key not in SECTIONS}


def add_config(parser: argparse.ArgumentParser, sections: str, default: str | None = None) -> None:
    """Add `--config`; it is required if there is no default."""
    text = f"{sections}: JSON, or a file (.json, .yaml), which may be the configuration of a whole study"
    if default is not None:
        text = f"{text} (default: {default})"
    parser.add_argument("--config", required=default is None, default=default, metavar="JSON|FILE", help=text)


def file_of(text: str) -> Path | None:
    """The file that the value of `--config` names; None if it is JSON."""
    if text.startswith("@"):
        return Path(text[1:])
    return Path(text) if text.lower().endswith(FILES) else None


def read_config(text: str) -> GivenConfig:
    """Parse the value of `--config`: JSON, `@FILE`, or the name of a .json, .yaml or .yml file.

    Raises:
        UserError: the file or the text is not of its format.
        OSError: the file cannot be read.
    """
    file = file_of(text)
    where = "--config" if file is None else str(file)
    kind = "YAML" if file is not None and file.suffix.lower() in YAML else "JSON"
    try:
        content = text if file is None else file.read_bytes()
        values = _parse_yaml(content) if kind == "YAML" else json.loads(content)
    except ValueError as problem:  # of another format, or not even UTF-8
        raise UserError(f"{where}: not {kind}: {one_line(problem)}") from None
    except RecursionError:
        raise UserError(f"{where}: {kind} that is nested too deeply") from None
    return GivenConfig(values, where, file is not None)


def _parse_yaml(content: bytes | str) -> Any:
    import yaml  # slow to import, and most commands read no YAML

    class Loader(yaml.SafeLoader):
        """YAML 1.2's numbers: PyYAML reads 1e-4 as text."""

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )
    try:
        # An empty file has no sections.
        values = yaml.load(content, Loader=Loader) or {}
    except yaml.YAMLError as problem:
        raise ValueError(str(problem)) from None
    _check_size(values)
    return values


def _check_size(values: Any) -> None:
    """Check that a YAML file does not hold more values than it has lines for, by references to references.

    Raises:
        ValueError: it does.
    """
    waiting, count = [values], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > MOST_VALUES:
            raise ValueError(f"holds more than {MOST_VALUES:,} values, or a value that holds itself")
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
