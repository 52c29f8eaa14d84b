"""Generate the documentation of the configuration: docs/reference/configuration.md and config.yaml's comments."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any, get_type_hints

import yaml

from cli import UserError
from workflow.generated.schema import first_sentence
from workflow.sections import Reruns, StudyConfig

WIDTH = 120
INTRODUCTION = """\
# Configuration

Every key of `config.yaml`, generated from the settings classes by `make schema`. A default applies if no file sets the
key; `config.yaml` itself sets every key that the demo uses. The last column lists the rules that a changed key re-runs
first; rules that depend on them follow, and nothing else is re-run. A key marked "needed" must be given; a key without
a default may be missing.
"""
_HEAD = "| key | values | default | meaning | re-runs first |\n|---|---|---|---|---|\n"
_TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
_KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_]\w*):(?P<value>.*)")


def write_page(schema: dict[str, Any]) -> str:
    """The text of docs/reference/configuration.md: first a table of the top-level keys, then one per section."""
    reruns = rules_by_section()
    sections = schema["properties"]
    single = [name for name, part in sections.items() if part.get("type") != "object"]
    rows = "".join(_row(name, sections[name], name in schema["required"], reruns[name].of(name)) for name in single)
    page = f"{INTRODUCTION}\n## Top level\n\n{_HEAD}{rows}"
    for name, part in sections.items():
        if name in single:
            continue
        title, table = (name, part) if "properties" in part else (f"{name}.NAME", part["additionalProperties"])
        rows = "".join(_row(key, value, needed, reruns[name].of(key)) for key, value, needed in _keys_of(table))
        page += f"\n## {title}\n\n{part['description']}\n\n{_HEAD}{rows}"
    return page


def rules_by_section() -> dict[str, Reruns]:
    """The rules that each section re-runs, from the annotations of its field."""
    hints = get_type_hints(StudyConfig, include_extras=True)
    return {
        name: found
        for name, hint in hints.items()
        for found in getattr(hint, "__metadata__", ())
        if type(found) is Reruns
    }


def comment(text: str, schema: dict[str, Any]) -> str:
    """Comment config.yaml: each key gets the first sentence of its description, after a value or above a section.

    Values keep their order. Comments before a blank line, or inside mappings of the user's names (`runs`), are kept.

    Raises:
        UserError: a key is unknown, or the values would change.
    """
    written: list[str] = []
    above: list[str] = []
    path: list[tuple[int, dict[str, Any]]] = [(-1, schema)]
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above.append(line)
            continue
        found = _KEY.fullmatch(line)
        if found:
            while path[-1][0] >= len(found["indent"]):
                path.pop()
        described = path[-1][1].get("properties")
        if found and described:
            if found["key"] not in described:
                raise UserError(f"config.yaml: unknown key {found['key']!r} (known: {', '.join(described)})")
            part = described[found["key"]]
            written += _commented(found["indent"], f"{found['key']}:{_value(found['value'])}", part)
            path.append((len(found["indent"]), part))
        else:
            written += [*above, line]
        above = []
    commented = "\n".join(written) + "\n"
    if yaml.safe_load(commented) != yaml.safe_load(text):
        raise UserError("config.yaml: its values would change: write one key per line")
    return commented


def _commented(indent: str, setting: str, part: dict[str, Any]) -> list[str]:
    sentence = first_sentence(part["description"])
    choices = part.get("enum", [])
    if not all(value in sentence for value in choices):
        sentence += f" ({' | '.join(filter(None, choices))})"
    behind = f"{indent}{setting} # {sentence}"
    is_section = part.get("type") == "object" and not indent
    if is_section or len(behind) > WIDTH:
        mark = f"{indent}# "
        return [*textwrap.wrap(sentence, WIDTH, initial_indent=mark, subsequent_indent=mark), f"{indent}{setting}"]
    return [behind]


def _value(text: str) -> str:
    """The text after a key's colon, without its comment."""
    value = re.match(r"""(?:[^"'#]|"[^"]*"|'[^']*'|(?<! )#)*""", text)
    return value[0].rstrip() if value else text


def _keys_of(part: dict[str, Any], above: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Keys of a section (nested ones as `loss.giou`), with their schema and whether they must be given."""
    for key, value in part["properties"].items():
        if "properties" in value:
            yield from _keys_of(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value, key in part.get("required", [])


def _row(key: str, part: dict[str, Any], needed: bool, rules: tuple[str, ...]) -> str:
    default = "needed" if needed else f"`{json.dumps(part['default'])}`" if "default" in part else ""
    described = part["description"] + (" The value in config.yaml is for the demo alone." * ("of_dataset" in part))
    cells = [f"`{key}`", values(part), default, described, " ".join(f"`{rule}`" for rule in rules) or "none"]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def values(part: dict[str, Any]) -> str:
    """The type and range of a key in words."""
    if "enum" in part:
        return ", ".join(f"`{value}`" if value else '`""`' for value in part["enum"])
    if part["type"] == "array":
        count = "".join(
            (", at least one" if part.get("minItems") else "", ", none or three" if "maxItems" in part else "")
        )
        return f"list of: {values(part['items'])}{count}"
    if part["type"] == "object":
        return "mapping"
    bounds = [
        f"{sign} {part[bound]:,.10g}"
        for bound, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if bound in part
    ]
    if "not" in part:
        bounds.append(f"not {part['not']['const']}")
    return ", ".join([" ".join([_TYPES[part["type"]], *bounds[:1]]), *bounds[1:]])
