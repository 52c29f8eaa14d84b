"""How the features of each stream were made: recorded in checkpoints, and compared wherever one meets other features.

Features of other weights or settings have the same shapes. A network would take them without a word, and predict other
moments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cli import UserError
from formats.store import Store

Origin = dict[str, Any]
"""Plain values: extractor, weights_sha256, clip_seconds, dim, and the settings by their dotted keys."""
Origins = dict[str, Origin]
"""By stream."""
_UNCOUNTED = ("version", "encoding", "imported.folders")
"""Settings that may differ: of code and precision, which change rows by little, and places of files."""


def origin_of(store: Store) -> Origin:
    """What a store says of how its rows were made; where it lies, and on which machine it was made, do not count."""
    attributes = store.attributes
    settings = _flatten(json.loads(str(attributes["config"]) or "{}"))
    return {
        "extractor": str(attributes["extractor"]),
        "weights_sha256": str(attributes["weights_sha256"]),
        "clip_seconds": store.clip_seconds,
        "dim": store.dim,
        **{key: value for key, value in settings.items() if not key.startswith(_UNCOUNTED)},
    }


def check_shards(first: Store, other: Store) -> None:
    """Check that two stores of one stream were made alike.

    Raises:
        UserError: naming both files and the first difference.
    """
    difference = _find_difference(origin_of(first), origin_of(other))
    if difference:
        key, one, two = difference
        raise UserError(
            f"{other.path}: stream {other.stream}: {key} is {two}, but {one} in {first.path}: make both with one "
            "configuration"
        )


def check_origins(recorded: Mapping[str, Origin], given: Mapping[str, Origin], where: str) -> None:
    """Check that features were made as those that a network was trained on.

    Args:
        recorded: by the checkpoint; empty for one that records nothing, such as an imported one.
        given: of the streams that are read now.
        where: the checkpoint, for messages.

    Raises:
        UserError: naming the stream and the first difference.
    """
    for stream, origin in given.items():
        if stream not in recorded:
            continue
        difference = _find_difference(recorded[stream], origin)
        if difference:
            key, before, now = difference
            raise UserError(
                f"{where}: trained on other features: stream {stream}: {key} was {before}, and is {now} in the given "
                "features"
            )


def _find_difference(first: Origin, second: Origin) -> tuple[str, str, str] | None:
    """The first key whose value differs, with both values as text."""
    for key in [*first, *(key for key in second if key not in first)]:
        one, other = (json.dumps(values[key]) if key in values else "absent" for values in (first, second))
        if one != other:
            return key, one, other
    return None


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of a JSON object by their dotted keys."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key in sorted(value):
        flat |= _flatten(value[key], f"{prefix}.{key}" if prefix else key)
    return flat
