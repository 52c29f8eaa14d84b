"""Generate the JSON schema that config.yaml is checked against from the settings classes."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import TypeAdapter

from cli import Settings
from workflow.sections import StudyConfig, encoder_sections

HEADER = "# Generated from the settings classes by `make schema`; a key is described by the docstring of its field.\n"


def write_schema(schema: dict[str, Any]) -> str:
    """The text of workflow/schemas/config.schema.yaml."""
    text: str = yaml.safe_dump(schema, sort_keys=False, width=120, allow_unicode=True)
    return HEADER + text


def json_schema() -> dict[str, Any]:
    """The schema of the whole configuration: no references, each key described by its docstring."""
    schema = TypeAdapter(StudyConfig).json_schema()
    parts = schema.pop("$defs")
    settings = {StudyConfig.__name__: schema, **parts}
    classes = {found.__name__: found for found in _settings_classes() if found.__name__ in settings}
    for name, part in settings.items():
        described = describe(classes[name])
        for key, value in part["properties"].items():
            if key in described:
                value["description"] = described[key]
    inlined = _tidy(schema, parts)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the workflow",
        **{key: value for key, value in inlined.items() if key != "description"},
    }


def describe(settings: type) -> dict[str, str]:
    """The docstrings under the fields of a settings class and its parents, each as one line."""
    # A generated class has no source: sections of encoders take the docstrings of their classes.
    described = (
        {name: _summary(section) for name, section in encoder_sections().items()} if settings is StudyConfig else {}
    )
    written = [parent for parent in settings.__mro__ if dataclasses.is_dataclass(parent) and parent is not StudyConfig]
    for owner in reversed(written):
        [definition] = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match text:
                    case ast.Expr(ast.Constant(str(docstring))):
                        described[field.target.id] = " ".join(docstring.split())
    return described


def _summary(settings: type) -> str:
    return " ".join(inspect.cleandoc(settings.__doc__ or "").split())


def first_sentence(description: str) -> str:
    """The first sentence without its full stop: the comment of a key in config.yaml."""
    return description.partition(". ")[0].removesuffix(".")


def _settings_classes(parent: type = Settings) -> Iterator[type]:
    child: type
    for child in parent.__subclasses__():
        # Skip classes that tests define.
        if not child.__module__.startswith("tests."):
            yield child
            yield from _settings_classes(child)


def _tidy(part: Any, parts: dict[str, Any]) -> Any:
    """Replace references by their definitions, and write out what pydantic leaves implicit."""
    if isinstance(part, list):
        return [_tidy(item, parts) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        # A section is described by its key's docstring, not by its class's.
        whole = dict(parts[part["$ref"].rpartition("/")[2]])
        whole.pop("description", None)
        return _tidy({**_without(part, "$ref"), **whole}, parts)
    if "anyOf" in part:
        # `X | None` with an object X. Written as a list of types, so that errors name the mistake inside X.
        chosen, nothing = part["anyOf"]
        assert nothing == {"type": "null"}
        whole = _tidy({**_without(part, "anyOf"), **chosen}, parts)
        return {**whole, "type": [whole["type"], "null"]}
    if "patternProperties" in part:
        # pydantic writes a pattern of names this way, which accepts all other names.
        [(pattern, item)] = part["patternProperties"].items()
        names = {"pattern": pattern, **part.get("propertyNames", {})}
        rest = _without(part, "patternProperties", "propertyNames")
        return _tidy({**rest, "propertyNames": names, "additionalProperties": item}, parts)
    tidied = {
        key: _tidy(value, parts) for key, value in part.items() if not (key == "title" and isinstance(value, str))
    }
    if "properties" in tidied:
        needed = tidied.get("required", [])
        for key, value in tidied["properties"].items():
            if value.get("type") == "object" and key not in needed:
                value["default"] = {}
            # An empty value means that the key is not given.
            if value.get("default") == "" and value.get("minLength"):
                del value["default"]
    order = ("type", "description", "enum", "default")
    return {key: tidied[key] for key in (*order, *tidied) if key in tidied}


def _without(part: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key not in keys}
