"""How the features of each stream were made: recorded in checkpoints, and compared wherever one meets other features.

Features of other weights or settings have the same shapes. A network would take them without a word, and predict other
moments.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from cli import UserError
from formats.rows import parse_json
from formats.store import Store

_log = logging.getLogger(__name__)

Origin = dict[str, Any]
"""Plain values: extractor, weights_sha256, clip_seconds, dim, and the settings by their dotted keys."""
Origins = dict[str, Origin]
"""By stream."""
_UNCOUNTED = ("version", "encoding", "imported.folders", "clip.definition", "siglip.definition", "siglip.tokenizer")
"""Settings that may differ: of code and precision, which change rows by little, and places of files."""


def origin_of(store: Store) -> Origin:
    """What a store says of how its rows were made; where it lies, and on which machine it was made, do not count."""
    attributes = store.attributes
    settings = parse_json(str(attributes["config"]) or "{}", f"{store.path}: config")
    return {
        "extractor": str(attributes["extractor"]),
        "weights_sha256": str(attributes["weights_sha256"]),
        "clip_seconds": store.clip_seconds,
        "dim": store.dim,
        **describe_settings(settings),
    }


def describe_settings(settings: object) -> Origin:
    """The part of an origin that follows from the settings of an encoder, by their dotted keys."""
    return {key: value for key, value in _flatten(settings).items() if not key.startswith(_UNCOUNTED)}


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


def check_origins(
    recorded: object, given: Mapping[str, Origin], where: str, given_by: str = "the given features"
) -> None:
    """Check that features were made as those that a network was trained on.

    Args:
        recorded: by the checkpoint; empty for one that records nothing, such as an imported one.
        given: of the streams that are read now.
        where: the checkpoint, for messages.
        given_by: what the given origins describe, for messages.

    Raises:
        UserError: naming the stream and the first difference, or a malformed record.
    """
    if not isinstance(recorded, Mapping) or not all(isinstance(origin, Mapping) for origin in recorded.values()):
        raise UserError(f"{where}: its record of the features is malformed")
    if not recorded:
        _log.info("%s: does not record its features, so they are not compared", where)
    for stream, origin in given.items():
        if stream not in recorded:
            continue
        difference = _find_difference(recorded[stream], origin)
        if difference:
            key, before, now = difference
            raise UserError(
                f"{where}: trained on other features: stream {stream}: {key} was {before}, and is {now} in {given_by}"
            )


def _find_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """The first key of both whose value differs, with both values as text.

    A key of only one is of a later version, or of another extractor, which differs by name.
    """
    for key in first:
        if key in second and first[key] != second[key]:
            return key, json.dumps(first[key]), json.dumps(second[key])
    return None


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of a JSON object by their dotted keys."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key in sorted(value):
        flat |= _flatten(value[key], f"{prefix}.{key}" if prefix else key)
    return flat
