"""Compare values with the JSON schema, and say the first mistake in words that help to mend it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from cli import UserError
from cli.errors import unknown_key
from eval.qvhighlights.score import METRICS
from model.config import TrainConfig

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
        if ":" in str(unknown):
            return f"unknown key {unknown!r}{f' under {key}' if key else ''}: write a space after the colon"
        return _place(str(unknown), schema) if not path else unknown_key(str(unknown), known, key)
    if problem.validator == "not":
        return f"{key}: {instance!r} is not allowed{_explain(part)}"
    shown = f"{problem.message}{_explain(part) if problem.validator == 'type' else ''}"
    return f"{key or 'top level'}: {' '.join(shown.split())}"


def check_metric(train: TrainConfig, where: str) -> None:
    """Check the metric that selects an epoch; with the objective saliency, the settings class does.

    Raises:
        UserError: no validation computes it.
    """
    if train.trains_moments and train.best_metric not in METRICS:
        near = get_close_matches(train.best_metric, METRICS, n=1)
        known = f"did you mean {near[0]}?" if near else f"must be one of {', '.join(METRICS)}"
        raise UserError(f"{where}: train.best_metric: {train.best_metric!r}: {known}")


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
