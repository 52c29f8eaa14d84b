"""Compare values with the JSON schema, and say the first mistake in words that help to mend it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from cli import UserError
from cli.errors import unknown_key

Part = dict[str, Any]
NEARLY_EQUAL = 0.85  # `seed` is `seeds` mistyped rather than the key of a section


def validate(values: object, schema: Part, where: str, withheld: Collection[str] = ()) -> None:
    """Check values against a schema.

    Args:
        where: start of the message, such as `config` or `config: run film`.
        withheld: paths of the keys that config.yaml gives, but for the demo only.

    Raises:
        UserError: a key is unknown or missing, or a value is not allowed; one line that names the first such key.
    """
    problem = best_match(Draft202012Validator(schema).iter_errors(values))
    if problem is not None:
        raise UserError(f"{where}: {_describe(problem, schema, withheld)}")


def _describe(problem: ValidationError, schema: Part, withheld: Collection[str]) -> str:
    path = [str(part) for part in problem.absolute_path]
    expected: Any = problem.validator_value
    instance: Any = problem.instance
    part: Any = problem.schema
    key = ".".join(path)
    if problem.validator == "required":
        missing = next(name for name in expected if name not in instance)
        return require(".".join([*path, missing]), withheld)
    if problem.validator == "additionalProperties":
        known = part["properties"]
        unknown = next(name for name in instance if name not in known)
        return _place(str(unknown), schema) if not path else unknown_key(str(unknown), known, key)
    if problem.validator == "not":
        return f"{key}: {instance!r} is not allowed{_explain(part)}"
    shown = f"{problem.message}{_explain(part) if problem.validator == 'type' else ''}"
    return f"{key or 'top level'}: {' '.join(shown.split())}"


def require(key: str, withheld: Collection[str] = (), unless: str = "") -> str:
    """The message for a missing key; it says if config.yaml has the key for the demo."""
    hint = " (that of config.yaml is the demo's)" if key in withheld else ""
    return f"{key} is required{unless}{hint}"


def _explain(part: Part) -> str:
    """The first sentence of the key's description, in brackets."""
    sentence = str(part.get("description", "")).partition(". ")[0].removesuffix(".")
    return f" ({sentence})" if sentence else ""


def _place(unknown: str, schema: Part) -> str:
    """What is wrong with a key at the top level: it is a path, or the key of a section, or mistyped."""
    sections: Part = schema["properties"]
    section, dot, rest = unknown.partition(".")
    if dot and section in sections:
        return f"unknown key {unknown!r}: write {section}: {{{rest}: ...}}"
    homes: Sequence[str] = [name for name, part in sections.items() if unknown in part.get("properties", {})]
    if homes and not get_close_matches(unknown, sections, n=1, cutoff=NEARLY_EQUAL):
        return f"unknown key {unknown!r}: it belongs under {' or '.join(homes)}"
    return unknown_key(unknown, sections)
