"""Values of config.yaml that belong to its dataset, the demo: another dataset must not inherit them.

Snakemake merges config.yaml with what the user gives, key by key. So a study that names its own train split would be
validated on the demo's val split, and one with its own weights would keep the demo's definition of CLIP. The settings
classes mark such keys (`OF_DATASET`), and the marks are in the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from formats.rows import Row

DEMO = "demo"
"""Name of the demo dataset; further ones of other settings begin with it and an underscore."""


def is_demo(name: object) -> bool:
    """Whether a dataset of this name is made by the package `demo`."""
    return isinstance(name, str) and (name == DEMO or name.startswith(f"{DEMO}_"))


def withhold(config: Row, given: Row, schema: Row) -> tuple[Row, list[str]]:
    """Take the demo's values out of the configuration of another dataset.

    Args:
        config: config.yaml merged with `given`.
        given: what the user gives, by `--configfile` and `--config`.
        schema: the JSON schema of the whole configuration.

    Returns:
        the configuration without marked keys that only config.yaml gives (of a mapping: without its entries that only
        config.yaml gives), and the paths of these keys, such as `clip.weights`.
    """
    dataset = config.get("dataset")
    if not isinstance(dataset, dict) or is_demo(dataset.get("name")):
        return config, []
    kept, withheld = dict(config), []
    for section, key in _marked(schema):
        own, values = given.get(section), kept.get(section)
        if not isinstance(values, dict) or key not in values:
            continue
        own = own if isinstance(own, dict) else {}
        chosen = {name: value for name, value in values.items() if name != key}
        if key not in own:
            withheld.append(f"{section}.{key}")
        elif isinstance(values[key], dict) and isinstance(own[key], dict):
            chosen[key] = {name: value for name, value in values[key].items() if name in own[key]}
            withheld += [f"{section}.{key}.{name}" for name in values[key] if name not in own[key]]
        else:
            continue
        kept[section] = chosen
    return kept, withheld


def _marked(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The marked keys, each with its section."""
    for section, part in schema["properties"].items():
        for key, value in part.get("properties", {}).items():
            if value.get("of_dataset"):
                yield section, key
