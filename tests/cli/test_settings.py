"""Settings refuse what they do not know, by its path, and have one spelling."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from cli import Settings, UserError, canonical_json
from cli.settings import Above


@dataclass(frozen=True, kw_only=True)
class Inner(Settings):
    rate: float = 1.5
    layers: int = 2


@dataclass(frozen=True, kw_only=True)
class Outer(Settings):
    name: str
    inner: Inner = field(default_factory=Inner)
    streams: tuple[str, ...] = ("clip",)
    parts: tuple[Inner, ...] = ()
    mode: Literal["on", "off"] = "on"


def test_values_come_in_and_go_out_as_they_were() -> None:
    values = {
        "name": "кот {x}",
        "inner": {"rate": 2, "layers": 3},  # a whole number will do for a float
        "streams": ["pann", "clap"],  # YAML knows no tuples
        "parts": [{"rate": 0.5}],
    }
    settings = Outer.from_dict(values)
    assert settings.inner == Inner(rate=2.0, layers=3)
    assert settings.streams == ("pann", "clap") and settings.parts == (Inner(rate=0.5),)
    assert Outer.from_json(settings.to_json()) == settings
    with pytest.raises(FrozenInstanceError):
        settings.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "config: name is required"),
        ({"name": "a", "nam": 1}, "config: unknown key 'nam': did you mean name?"),
        ({"name": "a", "x": 1}, "config: unknown key 'x' (known: name, inner, streams, parts, mode)"),
        ({"name": "a", "inner": {"rat": 1}}, "config: unknown key 'rat' under inner: did you mean rate?"),
        ({"name": "a", "parts": [{}, {"rat": 1}]}, "config: unknown key 'rat' under parts.1: did you mean rate?"),
        # Strict: nothing is converted. PyYAML reads 1e-4 as text, and a float is no number of layers.
        ({"name": "a", "inner": {"rate": "1e-4"}}, "config: inner.rate: Input should be a valid number, got '1e-4'"),
        ({"name": "a", "inner": {"layers": 2.0}}, "config: inner.layers: Input should be a valid integer, got 2.0"),
        ({"name": "a", "inner": {"layers": True}}, "config: inner.layers: Input should be a valid integer, got True"),
        ({"name": 7}, "config: name: Input should be a valid string, got 7"),
        ({"name": "a", "inner": None}, "config: inner: "),
        ({"name": "a", "mode": "of"}, "config: mode: Input should be 'on' or 'off', got 'of'"),
        ([], "config: value: "),
    ],
)
def test_a_wrong_value_is_named_by_its_path(values: object, message: str) -> None:
    with pytest.raises(UserError) as problem:
        Outer.from_dict(values, where="config")
    assert str(problem.value).startswith(message)


def test_json_from_the_command_line_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"name": "из файла"}', encoding="utf-8")
    assert Outer.from_json(f"@{tmp_path / 'c.json'}").name == "из файла"
    with pytest.raises(UserError, match=r"^--config: not JSON: "):
        Outer.from_json("name: a")
    with pytest.raises(OSError, match=r"none\.json"):  # `Command` makes one line of it
        Outer.from_json("@none.json")
    (tmp_path / "c.json").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(UserError, match=r"c\.json: not JSON: "):
        Outer.from_json(f"@{tmp_path / 'c.json'}")
    with pytest.raises(UserError, match=r"^--config: JSON that is nested too deeply$"):
        Outer.from_json("[" * 100_000)


@dataclass(frozen=True, kw_only=True)
class Stage(Settings):
    """Sections as a command reads them."""

    model: Inner
    train: Outer = field(default_factory=lambda: Outer(name="default"))


def test_a_file_may_be_a_whole_study(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text("dataset: {name: x}\nmodel: {rate: 1e-4}\nruns: {base: }\nseeds: [1]\n")
    # Other sections are left out; 1e-4 is a number, although PyYAML reads text.
    assert Stage.from_json(str(study)) == Stage(model=Inner(rate=1e-4))
    # A section that the file lacks has its defaults, if all its keys have one.
    study.write_text("train: {name: a}\n")
    assert Stage.from_json(str(study)) == Stage(model=Inner(), train=Outer(name="a"))
    study.write_text("")
    assert Stage.from_json(f"@{study}").model == Inner()
    (tmp_path / "study.JSON").write_text('{"model": {"layers": 3}, "clips": {}}')
    assert Stage.from_json(str(tmp_path / "study.JSON")).model.layers == 3
    # JSON on the command line is for the command alone.
    with pytest.raises(UserError, match="unknown key 'clips'"):
        Stage.from_json('{"model": {}, "clips": {}}')
    with pytest.raises(UserError, match=r"^--config: model"):
        Stage.from_json("{}")


# Each line holds the one before twice: 2^24 values in 500 bytes.
REFERENCES = "".join(f"x{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {rat: 1}", "unknown key 'rat' under model: did you mean rate?"),
        ("modle: {}", "unknown key 'modle'"),
        ("model: {rate: fast}", "model.rate: "),
        ("model: {rate: 1", "not YAML: "),
        ("- 1", "value: "),
        ("!!python/object/apply:os.getcwd []", "not YAML: could not determine a constructor"),
        ("model: {rate: !!python/name:os.system }", "not YAML: could not determine a constructor"),
        ("model: {rate: 2020-01-01}", "holds a value that JSON does not have: Object of type date"),
        ("model: {rate: !!binary aGVsbG8=}", "holds a value that JSON does not have: Object of type bytes"),
        ("model: &a [*a]", "not YAML: holds more than 1,000,000 values, or a value that holds itself"),
        ("model: &a [x, x]\n" + REFERENCES, "not YAML: holds more than 1,000,000 values"),
        ("model: {layers: 1" + 30 * "0" + "}", "model.layers: must be a number of at most 18 digits"),
        ("model: {rate: .inf}", "model.rate: must be a number within ±3.4e+38, got inf"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(UserError) as raised:
        Stage.from_json(str(tmp_path / "my.yaml"))
    line = str(raised.value)
    assert line.startswith(f"{tmp_path / 'my.yaml'}: ") and message in line
    assert "\n" not in line


def test_equal_settings_have_equal_bytes() -> None:
    one = canonical_json({"b": [1, 2.0], "a": {"d": None, "c": "é"}})
    assert one == '{"a":{"c":"é","d":null},"b":[1,2.0]}'
    assert canonical_json(dict(reversed(json.loads(one).items()))) == one
    assert Outer(name="a").to_json() == Outer.from_dict({"streams": ["clip"], "name": "a"}).to_json()
    assert Outer(name="a").to_dict()["inner"] == {"rate": 1.5, "layers": 2}


@dataclass(frozen=True, kw_only=True)
class Bounded(Settings):
    rate: Annotated[float, Above(0)] = 1.0


def test_a_bound_that_needs_no_pydantic_until_settings_are_read() -> None:
    assert Bounded.from_dict({"rate": 1e-9}).rate == 1e-9
    for value, message in ((0, "greater than 0, got 0"), (-1.5, "greater than 0"), (float("inf"), "finite number")):
        with pytest.raises(UserError, match=rf"rate: Input should be a? ?{message}"):
            Bounded.from_dict({"rate": value})
