"""Settings: a part of the configuration as a frozen dataclass that refuses unknown keys and wrong types."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar, Self, get_args, get_type_hints

from cli.configuration import GivenConfig, read_config
from cli.errors import UserError, one_line, unknown_key


def canonical_json(value: object) -> str:
    """Serialise a value as canonical JSON: sorted keys, no spaces. Equal settings give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


MOST_WHOLE = 10**18 - 1
"""Largest whole number of a setting, as of the arguments of commands: more does not fit into 64 bits."""
MOST = 3.4e38
"""Largest number of a setting: networks compute in 32 bits."""


@dataclasses.dataclass(frozen=True)
class Above:
    """An exclusive lower bound for a finite number: `Annotated[float, Above(0)]`.

    It replaces pydantic's `Field(gt=0)` in modules that must load without pydantic.
    """

    limit: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Called by pydantic."""
        return {**handler(source), "gt": self.limit, "allow_inf_nan": False}


@cache
def _adapter(settings: type) -> Any:
    """The checks of a class. Building them takes longer than using them, and a study has dozens of each."""
    from pydantic import TypeAdapter

    return TypeAdapter(settings)


class Settings:
    """Base of all settings: subclasses are frozen, keyword-only dataclasses with one field per key.

    A docstring under each field describes the key. The JSON schema, the reference page and the comments in config.yaml
    are generated from the fields (`make schema`); the docstring's first sentence must make sense on its own.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    @classmethod
    def from_dict(cls, values: object, where: str = "settings") -> Self:
        """Check `values` against the fields.

        Raises:
            UserError: an unknown key, a missing key or a value of the wrong type, named by its path.
        """
        # Imported here: it takes a tenth of the time of `eval score`, which has no settings, like most of `eval`.
        from pydantic import ValidationError

        # Through JSON, so that a list read from YAML is accepted for a field that is a tuple.
        text = _to_json(values, where)
        try:
            checked: Self = _adapter(cls).validate_json(text)  # type: ignore[arg-type] # a class is hashable
        except UserError as problem:  # of a class that compares its own keys
            raise UserError(f"{where}: {problem}") from None
        except ValidationError as problem:
            errors = problem.errors()
            # A mistyped key is missing as well: say which key is wrong rather than which one is not there.
            first = next((error for error in errors if error["type"] == "unexpected_keyword_argument"), errors[0])
            key = ".".join(str(part) for part in first["loc"])
            if first["type"] == "unexpected_keyword_argument":
                *above, last = map(str, first["loc"])
                raise UserError(f"{where}: {unknown_key(last, _keys(cls, above), '.'.join(above))}") from None
            if first["type"].startswith("missing"):
                raise UserError(f"{where}: {key} is required") from None
            raise UserError(f"{where}: {key or 'value'}: {first['msg']}, got {repr(first['input'])[:200]}") from None
        _check_numbers(values, where)
        return checked

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the `--config` argument of a command; see `read_config`."""
        return cls.from_config(read_config(text))

    @classmethod
    def from_config(cls, given: GivenConfig) -> Self:
        """Check what a `--config` argument holds.

        Of a file, other sections of a study are left out, and those that it lacks have their defaults.

        Raises:
            UserError: as `from_dict`.
        """
        values = given.select({field.name for field in dataclasses.fields(cls)})  # type: ignore[arg-type]
        if given.is_file and isinstance(values, dict):
            absent: dict[str, Any] = {name: {} for name, hint in get_type_hints(cls).items() if _has_defaults(hint)}
            values = {**absent, **values}
        return cls.from_dict(values, where=given.where)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, as written into every artefact."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]

    def to_json(self) -> str:
        """The canonical JSON of these settings."""
        return canonical_json(self.to_dict())


def _to_json(values: object, where: str) -> str:
    """YAML also has dates, bytes, sets, lists that hold themselves, and numbers that no computation here holds."""
    try:
        text = json.dumps(values)
    except (TypeError, ValueError, RecursionError) as problem:
        raise UserError(f"{where}: holds a value that JSON does not have: {one_line(problem)}") from None
    return text


def _check_numbers(value: object, where: str, key: str = "") -> None:
    if isinstance(value, dict | list | tuple):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in parts:
            _check_numbers(part, where, f"{key}.{name}" if key else str(name))
    elif isinstance(value, int | float) and not abs(value) <= (MOST_WHOLE if isinstance(value, int) else MOST):
        wanted = "of at most 18 digits" if isinstance(value, int) else f"within ±{MOST:.2g}, got {value}"
        raise UserError(f"{where}: {key or 'value'}: must be a number {wanted}")


def _has_defaults(hint: Any) -> bool:
    """Whether a type is a settings class that needs no value."""
    return (
        isinstance(hint, type)
        and issubclass(hint, Settings)
        and all(
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
            for field in dataclasses.fields(hint)  # type: ignore[arg-type]
        )
    )


def _plain(value: Any) -> Any:
    """Replace all settings in a value by plain values. Each class converts itself, as some have a form of their own."""
    if isinstance(value, Settings):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _keys(owner: type, path: Iterable[str]) -> list[str]:
    """The keys of the settings at a path below `owner`; empty if there are no settings at that path."""
    found: type | None = owner
    for part in path:
        hints = get_type_hints(found)
        # Other parts are places in a list, or names in a mapping.
        if part in hints:
            found = _settings_in(hints[part])
        if found is None:
            return []
    return [field.name for field in dataclasses.fields(found)]  # type: ignore[arg-type]


def _settings_in(hint: Any) -> type | None:
    """The settings class in the type of a field, such as `tuple[Part, ...]` or `dict[str, Part | None]`."""
    if isinstance(hint, type) and issubclass(hint, Settings):
        return hint
    return next(filter(None, map(_settings_in, get_args(hint))), None)
