"""What is generated from the settings classes: the JSON schema, the page, and the comments of config.yaml."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import UserError
from cli.configuration import SECTIONS
from feature_extractors.encoders.audio.settings import PannSection
from feature_extractors.released.layouts import LAYOUTS, OWN
from tests.workflow.test_reruns import CASES
from tests.workflow.workspace import ROOT, merge, with_its_base
from workflow.__main__ import main
from workflow.checks.defaults import withhold
from workflow.configuration import check
from workflow.generated.reference import comment, rules_by_section, values, write_page
from workflow.generated.schema import describe, first_sentence, json_schema, write_schema
from workflow.sections import StudyConfig, encoder_sections

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
# All that has no default.
LEAST: dict[str, Any] = {
    "dataset": {"name": "own", "videos": "", "annotations": {"train": "t.jsonl", "val": "v.jsonl"}},
    "clip": {"architecture": "ViT-B-32"},
    "runs": {"base": None},
    "main_run": "base",
    "selected_runs": ["base"],
    "seeds": [1],
}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema()


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def keys(part: dict[str, Any], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that the schema knows, by its path; `*` is a name that users choose."""
    for name, value in part.get("properties", {}).items():
        yield f"{where}{name}", value
        yield from keys(value, f"{where}{name}.")
    if isinstance(part.get("additionalProperties"), dict):
        yield from keys(part["additionalProperties"], f"{where}*.")


def test_what_is_generated_is_what_is_committed(schema: dict[str, Any]) -> None:
    """After a change of a key or its docstring: `make schema`."""
    assert write_schema(schema) == read("workflow/schemas/config.schema.yaml")
    assert write_page(schema) == read("docs/reference/configuration.md")
    assert comment(read("config.yaml"), schema) == read("config.yaml")


def test_defaults_are_those_of_the_classes() -> None:
    """What the workflow fills in from the schema and what the classes fill in by themselves is the same."""
    filled = check(LEAST, SCHEMA)
    by_class = StudyConfig.from_dict(LEAST).to_dict()
    assert by_class["pann"].pop("tags") == 527  # no key of the configuration
    assert StudyConfig.from_dict(filled).to_dict() == StudyConfig.from_dict(LEAST).to_dict()
    by_class["runs"] = filled["runs"]
    assert filled["demo"].pop("distractor_db") == []  # written only if there is a split of mixtures
    for section in ("train", "inference"):  # details of a control are written only where it uses them
        assert (filled[section].pop("audio_control_share"), filled[section].pop("audio_control_seconds")) == (1.0, 0.0)
    assert filled["inference"].pop("precision") == "float32"  # written only if it is another
    assert filled["train"].pop("joined_operators") is False  # written only if it is on
    assert yaml.safe_load(yaml.safe_dump(filled)) == yaml.safe_load(yaml.safe_dump(plain(by_class)))


def plain(value: Any) -> Any:
    """Tuples as the lists that they are in a file."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def test_the_classes_accept_the_embedded_configuration_and_the_overlays(schema: dict[str, Any]) -> None:
    config = yaml.safe_load(read("config.yaml"))
    StudyConfig.from_dict(config)
    for file in sorted((ROOT / "config").rglob("*.yaml")):
        given = with_its_base(file)
        if "architecture" not in given.get("clip", {}):
            given = merge({"clip": {"architecture": "ViT-B-32", "definition": ""}}, given)
        StudyConfig.from_dict(withhold(merge(config, given), given, schema)[0])


def test_every_key_is_described_and_no_section_is_open(schema: dict[str, Any]) -> None:
    for path, part in keys(schema):
        assert part.get("description", "").endswith("."), path
        if "properties" in part:
            assert part["additionalProperties"] is False, path
    assert schema["additionalProperties"] is False


def test_the_embedded_configuration_names_every_key(schema: dict[str, Any]) -> None:
    """config.yaml is where people look first. Imported streams and the keys of runs, which users name, are optional.

    An encoder that the demo does not use has an overlay of its own, and all its keys have defaults.
    """
    config = yaml.safe_load(read("config.yaml"))
    overlays = [yaml.safe_load(read(str(file.relative_to(ROOT)))) for file in (ROOT / "config/encoders").glob("*.yaml")]
    unused = set(encoder_sections()) - set(config)
    assert all(any(section in overlay for overlay in overlays) for section in unused)
    for path, _ in keys(schema):
        value = config
        if "*" not in path and path.split(".")[0] not in unused:
            for name in path.split("."):
                assert name in value, path
                value = value[name]
    filled = check(config, SCHEMA)
    assert {section: value for section, value in filled.items() if section not in unused} == config


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("dataset.shards", {"type": "integer", "minimum": 1, "maximum": 999, "default": 1}),
        ("clips.seconds", {"type": "number", "exclusiveMinimum": 0, "default": 2.0}),
        ("pann.weights", {"type": "string", "default": "", "of_dataset": True}),
        ("model.fusion", {"enum": ["none", "concat", "avigate", "avigate_custom"], "default": "avigate_custom"}),
        ("model.mha_gate_temp", {"type": "number", "exclusiveMinimum": 0, "default": 1.5}),
        ("model.compat", {"type": "array", "uniqueItems": True, "default": []}),
        ("train.loss", {"type": "object", "default": {}}),
        ("inference.gate_sample_count", {"minimum": -1, "not": {"const": 0}, "default": -1}),
        ("imported.*.layout", {"enum": [OWN, *LAYOUTS]}),
        ("runs", {"minProperties": 1, "type": "object"}),
        (
            "seeds",
            {"minItems": 1, "uniqueItems": True, "items": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}},
        ),
    ],
)
def test_ranges_are_those_of_the_fields(schema: dict[str, Any], path: str, expected: dict[str, Any]) -> None:
    part = dict(keys(schema))[path]
    assert {key: part.get(key) for key in expected} == expected


def test_names_that_users_choose_have_a_pattern(schema: dict[str, Any]) -> None:
    runs, imported = schema["properties"]["runs"], schema["properties"]["imported"]
    reserved = ["random", "baseline", "given", "moments"]  # folders below results/ and plots/
    assert runs["propertyNames"] == {"pattern": "^[a-z0-9][a-z0-9_.-]*$", "not": {"enum": reserved}}
    assert runs["additionalProperties"]["type"] == ["object", "null"]
    assert imported["propertyNames"] == {"pattern": "^[a-z0-9][a-z0-9_]*$"}


def test_docstrings_are_found_also_of_parents() -> None:
    described = describe(PannSection)
    assert described["weights"].startswith("Checkpoint in the published format")
    assert described["base_channels"].startswith("Channels of the first block")
    assert first_sentence("One 1.5 s thing. And more.") == "One 1.5 s thing"
    assert first_sentence("One thing.") == "One thing"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, "whole number ≥ 1, ≤ 9"),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "number ≥ 0, < 1"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "list of: text, at least one"),
        ({"type": "string", "enum": ["", "gelu"]}, '`""`, `gelu`'),
        ({"type": "boolean"}, "true or false"),
    ],
)
def test_ranges_in_words(part: dict[str, Any], expected: str) -> None:
    assert values(part) == expected


def test_rules_that_a_key_re_runs_are_rules_and_are_re_run(schema: dict[str, Any]) -> None:
    """The last column of the page, against the rule files and against what test_reruns finds."""
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    rules = {name for pair in re.findall(r"^ *(?:rule (\w+)|use rule \w+ as (\w+))", text, re.M) for name in pair}
    reruns = rules_by_section()
    assert set(reruns) == set(schema["properties"])
    for section, found in reruns.items():
        assert found.every() <= rules | {"all"}, section
    exceptions = ("a control is not trained", "a gate's start value that no selected run has")
    looked_at = 0
    for name, (changes, expected) in CASES.items():
        if len(changes) == 1 and "runs" not in changes and name not in exceptions:
            [(section, value)] = changes.items()
            [key] = value if isinstance(value, dict) else [section]
            # Some rules are for other studies than the tests': imports, given checkpoints.
            named = set(reruns[section].of(key)) - {"import_released", "predict_gated", "rank"}
            # test_reruns counts the jobs of `encode` by stream.
            assert named <= {rule.split()[0] for rule, count in expected.items() if count}, name
            looked_at += bool(named)
    assert looked_at > 20


def test_comments_are_made_anew_and_values_stay(schema: dict[str, Any]) -> None:
    text = read("config.yaml")
    head, _, body = text.partition("\nruns:")[0].partition("\n\n")
    bare = [line.partition(" # ")[0] for line in body.splitlines() if not line.lstrip().startswith("#")]
    assert comment("\n".join([head, "", *bare, ""]), schema) == f"{head}\n\n{body.rpartition(chr(10))[0]}\n"
    own = "# Mine.\n\nclips:\n  # old\n  seconds: 1.0 # old\nruns:\n  # Why this run.\n  base: {} # mine\n"
    assert comment(own, schema) == (
        "# Mine.\n\n# The grid of clips that all streams share\nclips:\n  seconds: 1.0 # Length of a clip in seconds\n"
        "# Named experiments, each a patch of `model`, `train` and `inference`\n"
        "runs:\n  # Why this run.\n  base: {} # mine\n"
    )
    with pytest.raises(UserError, match=r"^config\.yaml: unknown key 'archtecture' \(known: .*architecture"):
        comment("clip:\n  archtecture: a\n", schema)
    long = comment("clip:\n  definition: demo/encoders/demo-clip.json\n", schema).splitlines()
    assert long[2].startswith("  # JSON file") and long[3] == "  definition: demo/encoders/demo-clip.json"
    assert comment("main_run: 'a # b' # old\n", schema) == "main_run: 'a # b' # The run shown in plots/gates_val.png\n"
    with pytest.raises(UserError, match="one key per line"):
        comment("main_run: it's\n", schema)


def test_the_command_writes_all_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ("config.yaml", "workflow/schemas/config.schema.yaml", "docs/reference/configuration.md")
    (tmp_path / "config.yaml").write_text(re.sub(r" # Videos of .*", "", read("config.yaml")), encoding="utf-8")
    monkeypatch.setattr("workflow.__main__.ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["python -m workflow", "schema"])
    assert main() == 0
    for name in made:
        assert (tmp_path / name).read_text(encoding="utf-8") == read(name), name


def test_commands_know_the_sections_of_a_study(schema: dict[str, Any]) -> None:
    """`cli` cannot import them: it lies below all packages."""
    assert set(schema["properties"]) == SECTIONS


def test_no_key_takes_a_number_that_nothing_can_compute_with(schema: dict[str, Any]) -> None:
    """Infinity, NaN, whole numbers beyond 64 bits and numbers beyond 32-bit floats, for every key that is a number."""
    tried = 0
    for path, part in keys(schema):
        kinds = {kind for one in (part, *part.get("anyOf", ())) for kind in [one.get("type")] if isinstance(kind, str)}
        if not kinds & {"number", "integer"} or "*" in path:
            continue
        for value in (math.inf, -math.inf, math.nan, 10**30, -(10**30), 1e300):
            given: dict[str, Any] = {path.split(".")[-1]: value}
            for name in reversed(path.split(".")[:-1]):
                given = {name: given}
            with pytest.raises(UserError, match=re.escape(path.split(".")[-1])):
                StudyConfig.from_dict(merge(LEAST, given))
            tried += 1
    assert tried > 300


@pytest.mark.parametrize("section", ["demo", "demo_encoders"])
def test_seeds_are_those_of_numpy_and_torch(section: str) -> None:
    StudyConfig.from_dict({**LEAST, section: {"seed": 2**32 - 1}})
    for seed in (-1, 2**32):
        with pytest.raises(UserError, match=rf"{section}\.seed"):
            StudyConfig.from_dict({**LEAST, section: {"seed": seed}})
